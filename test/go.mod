module github.com/drover-dev/drover/test

go 1.26.0

require (
	github.com/drover-dev/drover/agent v0.0.0
	github.com/drover-dev/drover/fleet v0.0.0
	github.com/drover-dev/drover/hub v0.0.0
	github.com/drover-dev/drover/internal v0.0.0
	github.com/drover-dev/drover/protocol v0.0.0
	github.com/drover-dev/drover/test/testenv v0.0.0
)

replace github.com/drover-dev/drover/protocol => ../protocol

replace github.com/drover-dev/drover/fleet => ../fleet

replace github.com/drover-dev/drover/internal => ../internal

replace github.com/drover-dev/drover/hub => ../hub

replace github.com/drover-dev/drover/agent => ../agent

replace github.com/drover-dev/drover/test/testenv => ./testenv
