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

require (
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	go.yaml.in/yaml/v2 v2.4.4 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	sigs.k8s.io/yaml v1.6.0 // indirect
)

replace github.com/drover-dev/drover/protocol => ../protocol

replace github.com/drover-dev/drover/fleet => ../fleet

replace github.com/drover-dev/drover/internal => ../internal

replace github.com/drover-dev/drover/hub => ../hub

replace github.com/drover-dev/drover/agent => ../agent

replace github.com/drover-dev/drover/test/testenv => ./testenv
