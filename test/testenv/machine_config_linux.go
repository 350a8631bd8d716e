package testenv

import (
	"fmt"
	"os"
	"path/filepath"
)

// containerdConfig is for containerd 1.6 and 1.7. Without restrict_oom_score_adj runc needs CAP_SYS_RESOURCE.
const containerdConfig = `version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + PauseImage + `"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`

// cniConfig connects pods to a bridge. It takes the addresses of the machine's pods.
const cniConfig = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}
}]}
`

// kubeletConfig takes the control group of the pods. What it leaves out is the kubelet's default, but for the
// eviction of pods from a disk that others fill.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: /etc/testenv/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
evictionHard: {memory.available: 100Mi}
imageGCHighThresholdPercent: 100
clusterDomain: cluster.local
clusterDNS: [10.0.0.10]
`

// proxyConfig takes the name of the node. The settings of connection tracking are not a namespace's to make.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: %s
clientConnection: {kubeconfig: /etc/testenv/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`

// configure writes the configuration of the machine's programs, which find it at /etc/testenv.
func (m *Machine) configure() error {
	etc := m.dir.File("etc")
	if err := os.MkdirAll(filepath.Join(etc, "cni"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"containerd.toml":   containerdConfig,
		"cni/pods.conflist": fmt.Sprintf(cniConfig, m.podCIDR(m.n)),
		"kubelet.yaml":      fmt.Sprintf(kubeletConfig, m.cgroup),
		"kube-proxy.yaml":   fmt.Sprintf(proxyConfig, m.Name),
		"ca.crt":            string(m.cp.CA),
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := m.cp.writeMember(filepath.Join(etc, "kubelet.kubeconfig"), "system:node:"+m.Name, "system:nodes"); err != nil {
		return err
	}
	return m.cp.writeMember(filepath.Join(etc, "kube-proxy.kubeconfig"), "system:kube-proxy", "")
}
