package upgrade

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// stuck is a change that an agent cannot finish before it is let go on.
type stuck struct {
	commit  func(c *cluster)       // writes it
	within  func(c *cluster) error // nil when the agent is in the middle of it
	release func(c *cluster)
}

// nowhere is a Job that waits for a node which does not exist.
func nowhere(name, annotations string) string {
	return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: %s, annotations: {%s}}
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {kubernetes.io/hostname: nowhere}
      containers: [{name: main, image: example.com/job:1, command: ["true"]}]
`, name, annotations)
}

// waitingPod is the pod of a Job that waits for a node.
func (c *cluster) waitingPod(job string) (testenv.Ref, error) {
	pods, err := c.cp.Kube().List(c.t.Context(), "v1", "Pod", c.space,
		url.Values{"labelSelector": {"batch.kubernetes.io/job-name=" + job}})
	if err != nil {
		return testenv.Ref{}, err
	}
	for _, p := range pods {
		if p.Text("status", "phase") == "Pending" && p.Text("spec", "nodeSelector", "kubernetes.io/hostname") == "nowhere" {
			return testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: c.space, Name: p.Text("metadata", "name")}, nil
		}
	}
	return testenv.Ref{}, fmt.Errorf("no pod of the Job %s waits", job)
}

// ofJob is stuck as long as a Job waits for its node.
func ofJob(name, file, annotations string, count func(c *cluster)) stuck {
	return stuck{
		commit: func(c *cluster) {
			c.repo.Write("apps/shop/first.yaml", configMap("first", "two"))
			c.repo.Write(file, nowhere(name, annotations))
			count(c)
		},
		within: func(c *cluster) error {
			_, err := c.waitingPod(name)
			return err
		},
		release: func(c *cluster) {
			pod, err := c.waitingPod(name)
			if err == nil {
				_, err = c.cp.Kube().PatchStatus(c.t.Context(), pod, `{"status":{"phase":"Succeeded"}}`)
			}
			if err != nil {
				c.t.Fatal(err)
			}
		},
	}
}

// both are the hooks of the app shop that run with every change of it.
func both(c *cluster) {
	c.want["create jobs/migrate"]++
	c.want["create jobs/warm"]++
	c.want["delete jobs/migrate"]++
	c.want["delete jobs/warm"]++
}

// finalizer keeps an object that is being deleted.
const finalizer = "test.drover.dev/wait"

// ofPrune is stuck in the middle of deleting three objects: one is gone, one waits for a finalizer, one is refused.
func ofPrune() stuck {
	guard := func(c *cluster) string { return "no-delete-" + c.space }
	ref := func(c *cluster, name string) testenv.Ref {
		return testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: c.space, Name: name}
	}
	return stuck{
		commit: func(c *cluster) {
			c.refuseDeletes(guard(c))
			patch := `{"metadata":{"finalizers":["` + finalizer + `"]}}`
			if _, err := c.cp.Kube().Patch(c.t.Context(), "test", ref(c, "b"), patch); err != nil {
				c.t.Fatal(err)
			}
			for _, name := range []string{"a", "b", "c"} {
				c.repo.Remove("apps/settings/" + name + ".yaml")
				c.want["delete configmaps/"+name]++
			}
		},
		within: func(c *cluster) error {
			if a, err := c.cp.Kube().Get(c.t.Context(), ref(c, "a")); err == nil {
				return fmt.Errorf("%s is still there", a.Ref())
			}
			b, err := c.cp.Kube().Get(c.t.Context(), ref(c, "b"))
			if err == nil && b.Text("metadata", "deletionTimestamp") == "" {
				err = errors.New("b is not being deleted")
			}
			return err
		},
		release: func(c *cluster) {
			policy := testenv.Ref{APIVersion: "admissionregistration.k8s.io/v1",
				Kind: "ValidatingAdmissionPolicyBinding", Name: guard(c)}
			if err := c.cp.Kube().Delete(c.t.Context(), policy); err != nil {
				c.t.Fatal(err)
			}
			if _, err := c.cp.Kube().Patch(c.t.Context(), "test", ref(c, "b"), `{"metadata":{"finalizers":null}}`); err != nil {
				c.t.Fatal(err)
			}
		},
	}
}

// refuseDeletes has the API server refuse to delete ConfigMaps of the cluster whose names begin with c, and waits until
// it does.
func (c *cluster) refuseDeletes(name string) {
	c.t.Helper()
	_, err := c.cp.Kube().Apply(c.t.Context(), "test", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [DELETE]}]
  validations: [{expression: '!oldObject.metadata.name.startsWith("c")', message: not yet}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, name, c.space))
	if err != nil {
		c.t.Fatal(err)
	}
	c.until("deletes are refused", func() error {
		probe := strings.Replace(configMap("c-probe", "one"), "{name:", "{namespace: "+c.space+", name:", 1)
		if _, err := c.cp.Kube().Apply(c.t.Context(), "test", probe); err != nil {
			return err
		}
		err := c.cp.Kube().Delete(c.t.Context(),
			testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: c.space, Name: "c-probe"})
		if err == nil {
			return errors.New("one was done")
		}
		return nil
	})
}

// An agent of this release goes on where one of the last release was killed, whatever the release of the hub.
func TestTakeOverInTheMiddle(t *testing.T) {
	t.Parallel()
	wave := func(c *cluster) { both(c); c.want["create jobs/wave"]++ }
	for name, point := range map[string]stuck{
		"hook": ofJob("migrate", "apps/shop/migrate.yaml", "argocd.argoproj.io/hook: PreSync", both),
		"last hook": ofJob("warm", "apps/shop/warm.yaml",
			"argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded", both),
		"wave":  ofJob("wave", "apps/shop/wave.yaml", `argocd.argoproj.io/sync-wave: "1"`, wave),
		"prune": ofPrune(),
	} {
		for release, hub := range map[string]*string{"old hub": &former, "new hub": &current} {
			t.Run(name+"/"+release, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, embedded, "east")
				east := s.clusters["east"]
				s.begin()
				s.runs(former)
				east.join(former)
				s.delivered()
				if s.bin != *hub {
					s.runs(*hub)
					s.delivered()
				}
				point.commit(east)
				s.commit("two")
				s.until("the old agent is in the middle of it", func() error { return point.within(east) })
				east.kill()
				east.revive(current)
				s.until("the new agent has taken over", func() error {
					r, err := east.row()
					if err == nil && (r.State != "connected" || r.Agent.Version == lastRelease[:10] || !r.Synced) {
						err = fmt.Errorf("it is %+v", r)
					}
					return err
				})
				point.release(east)
				s.delivered()
				s.judge()
			})
		}
	}
}

// Wherever in a delivery an old agent is killed, the new one ends it: hooks once, and no delete but those of Git.
func TestTakeOverAtAnyMoment(t *testing.T) {
	t.Parallel()
	var names []string
	for n := range 8 {
		names = append(names, fmt.Sprintf("c%d", n))
	}
	s := newScene(t, embedded, names...)
	s.begin()
	s.runs(former)
	for _, name := range names {
		s.clusters[name].join(former)
	}
	s.delivered()
	s.runs(current)
	s.delivered()
	s.step("two", "a")
	accepted := time.Now()
	for n, name := range names { // a delivery takes about two seconds
		<-time.After(time.Until(accepted.Add(time.Duration(n) * 300 * time.Millisecond)))
		s.clusters[name].kill()
	}
	for _, name := range names {
		s.clusters[name].revive(current)
	}
	s.delivered()
	s.judge()
}
