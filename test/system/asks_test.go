package system

import (
	"fmt"
	"strings"
	"testing"
)

// What a person asks of a live cluster, over the real programs: command line, hub, bus, agent and API server.
func TestAPersonAsksALiveCluster(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.poll("the apps are delivered", func() (bool, string) { return s.settled(0) })
	name := s.objects("one", 0)[0]
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"an object":          {[]string{"get", "edge", "cm", name, "-n", "edge"}, "revision: \"0\""},
		"the same as JSON":   {[]string{"get", "edge", "configmap", name, "-n", "edge", "-o", "json"}, `"revision": "0"`},
		"a tree":             {[]string{"tree", "edge/one"}, "ConfigMap/" + name},
		"a diff of an app":   {[]string{"diff", "edge/one"}, "as desired, 0 differ"},
		"of the cluster":     {[]string{"diff", "edge"}, "as desired, 0 differ"},
		"what happened":      {[]string{"events", "edge"}, "started"},
		"events of the app":  {[]string{"events", "edge/one"}, "REASON"},
		"and who asked what": {[]string{"audit", "export"}, `"kind":"ask"`},
	} {
		out, err := s.try(c.args...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%s (drover %s): %v\n%s", what, strings.Join(c.args, " "), err, out)
		}
	}
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"the agent's credential": {[]string{"get", "edge", "secret", "drover-credential", "-n", "drover-system"},
			"(Refused)"},
		"what is not there":        {[]string{"get", "edge", "cm", "nothing", "-n", "edge"}, "(NotFound)"},
		"logs, by default":         {[]string{"logs", "edge/one"}, "--answers get,tree,diff,events,logs` (NotGranted)"},
		"an app that is not there": {[]string{"tree", "edge/nine"}, `there is no app "nine"`},
	} {
		if out, err := s.try(c.args...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s (drover %s): %v\n%s", what, strings.Join(c.args, " "), err, out)
		}
	}
	s.agent.kill()
	s.poll("the cluster is offline", func() (bool, string) {
		out, err := s.try("tree", "edge/one")
		return err != nil && strings.Contains(out, "cluster edge is offline since ") &&
			strings.Contains(out, "last known: current, 3/3 apps healthy"), fmt.Sprint(err, " ", out)
	})
}
