package testenv

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// tool is a program that is built from a Go module of its own below tools/.
type tool struct {
	name    string // of the binary
	module  string // directory below tools/
	require string // module whose version is the program's
	pkg     string
	stamp   []string // packages that take gitVersion, gitMajor and gitMinor at link time
}

// kubeStamp are the packages that make Kubernetes programs tell their version; without it clients read a broken one.
var kubeStamp = []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"}

// tools is in building order: what a first control plane needs comes first.
var tools = []tool{
	{"etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", nil},
	{"kube-apiserver", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", kubeStamp},
	{"kube-controller-manager", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", kubeStamp},
	{"nats-server", "nats", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats-server/v2", nil},
	{"kubectl", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kubectl", kubeStamp},
	{"kube-scheduler", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", kubeStamp},
	{"kubelet", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kubelet", kubeStamp},
	{"kube-proxy", "kubernetes", "k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", kubeStamp},
}

// usual are the programs that are built when none is named: all that this package itself starts.
var usual = []string{"etcd", "kube-apiserver", "kube-controller-manager", "nats-server"}

// selectTools returns the tools called names, in building order.
func selectTools(names []string) ([]tool, error) {
	if len(names) == 0 {
		names = usual
	}
	var known []string
	var chosen []tool
	for _, t := range tools {
		known = append(known, t.name)
		if slices.Contains(names, t.name) {
			chosen = append(chosen, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no tool is called %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// dir returns the directory of the tool's module in the source tree. A nested module cannot be embedded, so it is found
// beside this file, or from the working directory upwards when the program was built with -trimpath.
func (t tool) dir() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	if dir := filepath.Join(filepath.Dir(file), "tools", t.module); filepath.IsAbs(dir) && isFile(filepath.Join(dir, "go.mod")) {
		return dir, nil
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		for _, below := range []string{"tools", "testenv/tools", "test/testenv/tools"} {
			if dir := filepath.Join(at, below, t.module); isFile(filepath.Join(dir, "go.mod")) {
				return dir, nil
			}
		}
	}
	return "", errors.New("the sources of package testenv are not here; run this from a checkout of the Drover repository")
}

// version returns the version of the tool that its module requires.
func (t tool) version(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(t.require) + ` (v\S+)`).FindSubmatch(mod)
	if m == nil {
		return "", fmt.Errorf("%s/go.mod does not require %s", dir, t.require)
	}
	return string(m[1]), nil
}

// flags returns the build flags for the tool at version.
func (t tool) flags(version string) []string {
	link := []string{"-s", "-w"}
	if parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3); len(parts) == 3 {
		for _, pkg := range t.stamp {
			link = append(link, "-X "+pkg+".gitVersion="+version, "-X "+pkg+".gitMajor="+parts[0], "-X "+pkg+".gitMinor="+parts[1])
		}
	}
	return []string{"-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=" + strings.Join(link, " ")}
}

// home returns the directory below the cache in which the tool is kept: it names the version, and what else went into
// the build, so that a change of any of it is a new directory.
func (t tool) home(dir, version string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	fmt.Fprintln(sum, runtime.GOOS, runtime.GOARCH, t.flags(version))
	return fmt.Sprintf("%s-%s-%.4x", t.module, version, sum.Sum(nil)), nil
}

// isFile reports whether path is a regular file.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
