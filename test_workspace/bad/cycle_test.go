package words

import _ "example.com/test/plugin/greeting"
