module github.com/drover-dev/drover/test/testenv

go 1.26
