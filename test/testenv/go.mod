module github.com/drover-dev/drover/test/testenv

go 1.26

require (
	golang.org/x/sys v0.47.0
	sigs.k8s.io/yaml v1.6.0
)

require (
	github.com/google/go-cmp v0.6.0 // indirect
	go.yaml.in/yaml/v2 v2.4.2 // indirect
)
