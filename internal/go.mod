module github.com/drover-dev/drover/internal

go 1.26.0
