// Package helm renders charts with Helm's own SDK, as `helm template` and `helm install` of the same version do:
//
//	HTTP repository, OCI registry, URL ─ repository.Fetcher ─ archive
//	model.Tree or archive ─ Chart ─ Renderer ═ worker process ─ []model.Rendered
//
// Rendering and fetching are apart: a render reads the chart it is given and nothing else, neither network, files,
// environment nor a cluster, so that its result may be remembered.
//
// Templates are programs. One that loops, recurses or grows without end cannot be stopped inside a Go process, and a Go
// process that runs out of memory or stack ends. So charts are rendered in a process of their own, started when there
// is something to render and ended when there is not: a program that calls worker.Serve. It has no environment, bounded
// memory and bounded time, and what goes wrong in it is the error of one chart.
//
// Differences from `helm template` on the command line, all on purpose: .Capabilities are those that the cluster
// reported; a schema's $ref to a URL or to a file is refused; `keys` and `values` give a sorted list, not one in random
// order; dependencies with a file:// repository are read from the tree. Functions whose result is another each time,
// and `lookup`, which finds nothing without a cluster, work as in `helm template` and are told as warnings.
//
// It may import hub/model and the small parts of Helm's SDK that link no Kubernetes client; never another package below
// hub. The SDK itself is linked by package worker alone, and charts are fetched by package repository.
package helm
