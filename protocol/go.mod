module github.com/drover-dev/drover/protocol

go 1.26.0
