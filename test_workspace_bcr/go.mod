module example.com/bcr

go 1.24

require github.com/pmezard/go-difflib v1.0.0
