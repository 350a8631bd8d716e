module github.com/drover-dev/drover/fleet

go 1.26.0

require github.com/drover-dev/drover/protocol v0.0.0

replace github.com/drover-dev/drover/protocol => ../protocol
