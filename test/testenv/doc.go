// Package testenv runs the real programs around Drover on a plain machine: Kubernetes control planes (etcd,
// kube-apiserver, kube-controller-manager), NATS servers and Git repositories. Tests use it by ControlPlaneT, Shared and
// the other functions that take a testing.TB; programs, such as the demo and the bench, by StartControlPlane and the
// other functions that return an error. It may import neither room of the product.
//
// # Where the programs come from
//
// They are built from source by the Go command, from the modules below tools/, into CacheDir; Binaries does it, and every
// Start function calls it. The first time takes about 8 minutes on two cores, nearly all of it Kubernetes; later it takes
// nothing. `testenv build` does it beforehand. KUBEBUILDER_ASSETS, where it is set, names a directory of ready ones.
//
// # What is real and what is not
//
// The API server, its store and the controllers are what clusters run. Only machines are played: there is no kubelet,
// no scheduler and no container. Nodes binds pods to nodes that exist in name and reports them as running, in this
// process. It was preferred to kwok, which takes another 3 minutes to build on two cores, plays only pods that
// something has bound before, and renews its nodes' leases, while here an idle cluster has to be idle for its requests
// to be counted.
//
// A control plane without controllers is lighter, but then Deployments make no pods, deleted namespaces never go away,
// nothing is garbage-collected, and pods get no service account (its admission plugin is off, because nobody would make
// the accounts that it demands).
//
// Where nodes have to be real, StartMachine makes them: kubelet, containerd and kube-proxy, in namespaces of their own on this
// machine. That takes root, Linux, some of Debian's packages, and an enclosure; see Enclose and WithMachines.
//
// # Nothing is left behind
//
// On Linux the kernel kills every program when the process that started it dies, however it dies; Stop ends it in order.
// Temporary directories are locked by their owner, and those of dead owners are removed by the next process. Both
// hold for others' too, by StartProcess and NewTempDir. Servers listen on 127.0.0.1 only, on ports from 20000 to 32000.
package testenv
