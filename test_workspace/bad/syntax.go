package syntax

func f() { return undefined }
