//go:build linux

package node

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// takeoverLimit is how long a cluster may be without a leader when the leader's pod or process is lost.
const takeoverLimit = 20 * time.Second

// TestDaemonSet is the life of an installation on two machines. Each part begins where the one before ended.
func TestDaemonSet(t *testing.T) {
	s := newScene(t)
	before := s.objects()
	for _, part := range []struct {
		name string
		run  func(*scene)
	}{
		{"Install", (*scene).install},
		{"Restricted", (*scene).restricted},
		{"Converge", (*scene).converge},
		{"Drift", (*scene).drift},
		{"Memory", (*scene).measureMemory},
		{"UpgradeOfAWrongImage", func(s *scene) { s.upgradeFails(wrongImage, "crash, exit 2") }},
		{"UpgradeOfAMissingImage", func(s *scene) { s.upgradeFails(missingImage, "ImagePull") }},
		{"UpgradeOfAHangingImage", func(s *scene) { s.upgradeFails(testenv.PauseImage, "crash, exit") }},
		{"Upgrade", (*scene).upgrade},
		{"LeaderDeleted", (*scene).leaderDeleted},
		{"LeaderKilled", (*scene).leaderKilled},
		{"KubeletLost", (*scene).kubeletLost},
		{"MachineLost", (*scene).machineLost},
		{"LeaderCrashes", (*scene).leaderCrashes},
		{"Uninstall", func(s *scene) { s.uninstall(before, func() { s.kube("delete", "-f", s.manifest, "--wait=true") }) }},
		{"InstallCommand", (*scene).installCommand},
		{"LeaderNodes", (*scene).leaderNodes},
		{"UninstallCommand", func(s *scene) { s.uninstall(before, s.uninstallCommand) }},
	} {
		ok := t.Run(part.name, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			part.run(s)
		})
		if !ok && part.name != "LeaderCrashes" {
			return // what follows would fail for the same reason
		}
	}
}

// install applies what `drover agent manifest` prints, as it is.
func (s *scene) install() {
	s.within(patience, "the hub makes a join token", func() (bool, string) {
		out, told, err := s.drover("agent", "manifest", "--cluster", cluster, "--image", agentImage, "--leader-nodes", "all")
		if err != nil {
			return false, told
		}
		s.manifest = filepath.Join(s.dir, "manifest.yaml")
		return os.WriteFile(s.manifest, []byte(out), 0o600) == nil, ""
	})
	begun := time.Now()
	s.kube("apply", "-f", s.manifest)
	s.installed(patience)
	s.t.Logf("%d agents ready, one leading, %s after kubectl apply", len(s.machines), since(begun))
	on := map[string]bool{}
	for _, p := range s.pods() {
		on[p.Text("spec", "nodeName")] = true
		for _, c := range p.Items("status", "containerStatuses") {
			if n := c.Number("restartCount"); n > 0 {
				s.t.Errorf("%s was started again %d times", p.Ref(), n)
			}
		}
	}
	if len(on) != len(s.machines) {
		s.t.Errorf("agents run on %v; want one on each of %d machines", on, len(s.machines))
	}
	for _, e := range s.warnings() {
		s.t.Errorf("the cluster warns: %s", e)
	}
}

// warnings are the warning events of the agent's namespace.
func (s *scene) warnings() []string {
	s.t.Helper()
	list, err := s.cp.Kube().List(s.t.Context(), "v1", "Event", namespace, nil)
	s.must(err)
	var found []string
	for _, e := range list {
		if e.Text("type") == "Warning" && !strings.HasPrefix(e.Text("message"), "Startup probe failed") { // asked a little early, on a busy machine
			found = append(found, fmt.Sprintf("%s of %s: %s", e.Text("reason"), e.Text("involvedObject", "name"), e.Text("message")))
		}
	}
	return found
}

// restricted looks at what the kernel made of the pods' security context.
func (s *scene) restricted() {
	_, told, err := s.command(s.kubectl, "--kubeconfig", s.cp.Kubeconfig, "-n", namespace, "run", "free", "--image", testenv.PauseImage)
	if err == nil || !strings.Contains(told, `violates PodSecurity "restricted`) {
		s.t.Errorf("a pod without a security context is let into %s: %v %s", namespace, err, told)
	}
	for name, p := range s.pods() {
		pid := s.process(p)
		status := s.procStatus(pid)
		for field, want := range map[string]string{
			"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
			"CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
		} {
			if status[field] != want {
				s.t.Errorf("%s: %s is %q; want %q", name, field, status[field], want)
			}
		}
		probe := filepath.Join("/proc", fmt.Sprint(pid), "root", "written")
		if err := os.WriteFile(probe, nil, 0o600); err == nil || !strings.Contains(err.Error(), syscall.EROFS.Error()) {
			s.t.Errorf("%s: its root can be written to (%v)", name, err)
		}
		if mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid)); err != nil || strings.Contains(string(mounts), "/var/run/drover") {
			s.t.Errorf("%s: the join token is mounted (%v)", name, err)
		}
	}
}

// converge waits for the first revision to be there, with containers that run.
func (s *scene) converge() {
	s.settled(patience)
	d, err := s.cp.Kube().Get(s.t.Context(), web)
	s.must(err)
	if !testenv.Available(d) || d.Number("status", "readyReplicas") != 2 {
		s.t.Errorf("the hub says that all is well; the Deployment says %v", d.Field("status"))
	}
	s.repo.Write("apps/shop/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: shop}\ndata: {n: \"1\"}\n")
	begun := time.Now()
	s.commit("another object")
	more := testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "more"}
	s.must(s.cp.Kube().Wait(s.t.Context(), more, "exists", testenv.Exists))
	s.t.Logf("a commit is in the cluster after %s", since(begun))
	s.settled(patience)
}

// drift changes live objects, one of them by removing it.
func (s *scene) drift() {
	kube := s.cp.Kube()
	for _, edit := range []struct {
		what string
		do   func() error
		ref  testenv.Ref
		back func(testenv.Object) bool
	}{
		{"a changed ConfigMap", s.paint, settings, isGreen},
		{"a deleted ConfigMap", func() error { return kube.Delete(s.t.Context(), prices) }, prices, testenv.Exists},
		{"a Deployment scaled to 0", func() error {
			_, err := kube.Patch(s.t.Context(), "kubectl-scale", web, `{"spec":{"replicas":0}}`)
			return err
		}, web, func(o testenv.Object) bool { return o.Number("spec", "replicas") == 2 }},
	} {
		begun := time.Now()
		s.must(edit.do())
		s.must(kube.Wait(s.t.Context(), edit.ref, "as Git has it", edit.back))
		s.t.Logf("%s is healed after %s", edit.what, since(begun))
	}
	s.settled(patience)
}

// paint is a live edit, and isGreen that it is healed.
func (s *scene) paint() error {
	_, err := s.cp.Kube().Patch(s.t.Context(), "kubectl-edit", settings, `{"data":{"colour":"red"}}`)
	return err
}

func isGreen(o testenv.Object) bool { return o.Text("data", "colour") == "green" }

// measureMemory holds the pods that wait against what they may use when they have come to rest.
func (s *scene) measureMemory() {
	const mib, limit = 1024, 12 // of the kB that /proc counts; in MiB
	leader := s.leader().Text("metadata", "name")
	pods := s.pods()
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		if name == leader {
			resident, anonymous := s.memory(pods[name])
			s.t.Logf("%s leads: %.1f MiB resident, %.1f MiB of it its own", name, float64(resident)/mib, float64(anonymous)/mib)
			continue
		}
		s.within(30*time.Second, fmt.Sprintf("%s only waits, and takes less than %d MiB", name, limit), func() (bool, string) {
			resident, anonymous := s.memory(pods[name])
			seen := fmt.Sprintf("%.1f MiB resident, %.1f MiB of it its own", float64(resident)/mib, float64(anonymous)/mib)
			if resident >= limit*mib {
				return false, seen
			}
			s.t.Logf("%s waits: %s", name, seen)
			return true, seen
		})
	}
}

// since is the time that passed, as people want to read it.
func since(begun time.Time) time.Duration { return time.Since(begun).Round(time.Millisecond) }
