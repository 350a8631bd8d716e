// Package node holds the tests on real nodes: kubelets and containerds that run the agent's image as the DaemonSet that
// `drover agent manifest` prints. They need root and Debian's packages, and run where DROVER_TEST_NODE is 1:
//
//	make test-node
package node
