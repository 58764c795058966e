package imports_main

import tool "example.com/test/tool"

var _ = tool.Text
