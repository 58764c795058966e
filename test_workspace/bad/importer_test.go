package words_test

import _ "example.com/test/plugin/greeting"
