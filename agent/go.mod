module github.com/drover-dev/drover/agent

go 1.26.0

require (
	github.com/drover-dev/drover/fleet v0.0.0
	github.com/drover-dev/drover/internal v0.0.0
	github.com/drover-dev/drover/protocol v0.0.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/nats-io/nats.go v1.55.0 // indirect
	github.com/nats-io/nkeys v0.4.17 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	k8s.io/apimachinery v0.37.2 // indirect
	k8s.io/client-go v0.37.2 // indirect
	sigs.k8s.io/structured-merge-diff/v6 v6.4.2 // indirect
)

replace github.com/drover-dev/drover/protocol => ../protocol

replace github.com/drover-dev/drover/fleet => ../fleet

replace github.com/drover-dev/drover/internal => ../internal
