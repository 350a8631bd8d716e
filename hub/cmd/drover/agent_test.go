package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/protocol"
)

// pinnedImage names its content, so that nothing is warned of.
var pinnedImage = "registry.example.com/drover-agent@sha256:" + strings.Repeat("0", 64)

// agentImage is the image that a cluster's file asks for at main.
func (c *checkout) agentImage(cluster string) string {
	c.Helper()
	var file struct {
		Agent struct{ Image string } // a short file has the fields of its spec at the top
		Spec  struct{ Agent struct{ Image string } }
	}
	if err := yaml.Unmarshal([]byte(c.git("show", "main:clusters/"+cluster+"/cluster.yaml")), &file); err != nil {
		c.Fatal(err)
	}
	return file.Agent.Image + file.Spec.Agent.Image
}

func TestUpgradingAgentsIsOneCommitThatIsPushed(t *testing.T) {
	t.Parallel()
	c, none := aFleet(t), t.TempDir()
	c.commit("clusters/prod/cluster.yaml", "# of production\nlabels: {env: production}\n")
	bare := c.origin()
	upgrade := func(more ...string) (string, int) {
		t.Helper()
		return c.drover(append([]string{"agent", "upgrade", "--image", pinnedImage, "--data-dir", none}, more...)...)
	}
	before := c.git("rev-parse", "HEAD")
	said, code := upgrade("--cluster", "prod", "--cluster", "edge", "--cluster", "prod")
	if code == exitFine || !strings.Contains(said, "say --yes if you mean it") || c.git("rev-parse", "HEAD") != before {
		t.Errorf("without an answer: exit code %d: %s", code, said)
	}
	if changed := c.git("status", "--porcelain"); changed != "" {
		t.Errorf("without an answer there is %q", changed)
	}
	said, code = upgrade("--cluster", "prod", "--cluster", "edge", "--cluster", "prod", "--yes")
	lacks(t, "the upgrade", said, "edge: as installed → "+pinnedImage+"\nprod: as installed → "+pinnedImage+"\n",
		"The upgrade is committed as ", " on main, pushed to origin; `drover status -o wide` shows")
	if code != exitFine || strings.Contains(said, "warning") {
		t.Errorf("exit code %d: %s", code, said)
	}
	const want = "clusters/edge/cluster.yaml\nclusters/prod/cluster.yaml"
	if files := bare.git("show", "--format=%s", "--name-only", "main"); files != "agents of 2 clusters run "+
		pinnedImage+"\n\n"+want {
		t.Errorf("what was pushed is %q", files)
	}
	for _, cluster := range []string{"edge", "prod"} {
		if got := bare.agentImage(cluster); got != pinnedImage {
			t.Errorf("%s is to run %q", cluster, got)
		}
	}
	if text := c.git("show", "main:clusters/prod/cluster.yaml"); !strings.Contains(text, "# of production") ||
		!strings.Contains(text, "env: production") {
		t.Errorf("what stood in the file is lost:\n%s", text)
	}
	after := c.git("rev-parse", "HEAD")
	said, code = upgrade("--cluster", "edge", "--cluster", "prod") // asks nothing, for there is nothing to do
	nothing := "edge: " + pinnedImage + " already\nprod: " + pinnedImage + " already\nNothing is to be done.\n"
	if code != exitFine || said != nothing || c.git("rev-parse", "HEAD") != after {
		t.Errorf("the second time: exit code %d: %s", code, said)
	}
}

func TestAgentsAreChosenByLabelsThatTheHubKnows(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	f := twoClusters()
	a := answering(t, map[string]any{"GET /api/v1/clusters?selector=env%3Dproduction": api.Fleet{Clusters: f.Clusters[:1]},
		"GET /api/v1/clusters?selector=env%3Dnone": api.Fleet{}})
	args := func(more ...string) []string {
		return append([]string{"agent", "upgrade", "--image", "registry.example.com/drover-agent:2", "--yes", "--repo",
			c.dir}, more...)
	}
	said := a.says(t, args("-l", "env=production")...)
	lacks(t, "the upgrade", said, "warning: the image registry.example.com/drover-agent:2 is named by a tag",
		"prod: as installed → registry.example.com/drover-agent:2\n", "not pushed")
	if got := c.git("show", "--format=%s", "--name-only"); got != "agents of 1 cluster run "+
		"registry.example.com/drover-agent:2\n\nclusters/prod/cluster.yaml" {
		t.Errorf("the commit is %q", got)
	}
	a.wants(t, exitBad, "no cluster has the labels env=none: see `drover cluster list -o wide`", args("-l", "env=none")...)
	// A cluster that the hub knows and the repository does not, as when the work tree is behind.
	a.answer["GET /api/v1/clusters?selector=env%3Dproduction"] = api.Fleet{Clusters: []query.Row{{Name: "new"}}}
	before := c.git("rev-parse", "HEAD")
	a.wants(t, exitBad, "there is no cluster \"new\" at ", args("-l", "env=production")...)
	if c.git("rev-parse", "HEAD") != before {
		t.Error("it was committed all the same")
	}
}

func TestAnUpgradeTakesNothingElseIntoItsCommit(t *testing.T) {
	t.Parallel()
	c, none := aFleet(t), t.TempDir()
	c.commit("clusters/prod/cluster.yaml", "labels: {env: production}\n")
	upgrade := []string{"agent", "upgrade", "--image", pinnedImage, "--cluster", "prod", "--yes", "--data-dir", none}
	c.write("clusters/prod/cluster.yaml", "labels: {env: changed}\n")
	c.wants(exitBad, "has changes that are not committed", upgrade...)
	if text := c.git("diff", "--", "clusters/prod/cluster.yaml"); !strings.Contains(text, "+labels: {env: changed}") {
		t.Errorf("the change that was there is lost:\n%s", text)
	}
	c.git("checkout", "-q", ".")
	c.write("apps/web/config.yaml", "not committed")
	c.wants(exitFine, "The upgrade is committed as ", upgrade...)
	if files := c.git("show", "--format=", "--name-only"); files != "clusters/prod/cluster.yaml" {
		t.Errorf("the commit has %q", files)
	}
	if changed := c.git("status", "--porcelain"); changed != "M apps/web/config.yaml" {
		t.Errorf("in the work tree there is %q", changed)
	}
}

func TestWrongUpgradesAreRefused(t *testing.T) {
	t.Parallel()
	c := aFleet(t)
	for _, w := range []struct{ says, args string }{
		{"which clusters?", "--image a"}, {"not both", "--image a -l x=y --cluster prod"},
		{"to which image?", "--cluster prod"}, {"is no image reference", "--cluster prod --image :x"},
		{"", "-l =x --image a"}, {"no arguments", "prod --image a"},
	} {
		c.wants(exitUsage, w.says, append([]string{"agent", "upgrade"}, strings.Fields(w.args)...)...)
	}
	c.wants(exitBad, "there is no cluster \"nosuch\" at ", "agent", "upgrade", "--cluster", "nosuch", "--image",
		pinnedImage, "--yes", "--data-dir", t.TempDir())
}

// joinToken is one that a hub could give.
func joinToken(cluster string) protocol.JoinToken {
	return protocol.JoinToken{Version: protocol.Version, Cluster: cluster, JWT: "jwt", Seed: "seed", User: "user",
		Expires: clock.Add(24 * time.Hour), Trust: protocol.Trust{Servers: []string{"tls://hub.example.com:4222"}}}
}

func TestAJoinTokenIsAskedForAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	token := joinToken("edge")
	a := answering(t, map[string]any{"POST /api/v1/clusters/edge/token": token})
	for args, want := range map[string]api.TokenRequest{
		"":                         {TTL: 86400},
		"--ttl 90m":                {TTL: 5400},
		"--replace --ttl 1m":       {TTL: 60, Replace: true},
		"--replace --ttl 720h0m0s": {TTL: 2592000, Replace: true},
	} {
		said := a.says(t, append([]string{"agent", "token", "--cluster", "edge"}, strings.Fields(args)...)...)
		var got protocol.JoinToken
		if err := json.Unmarshal([]byte(said), &got); err != nil || got.Seed != token.Seed || got.Cluster != "edge" ||
			!slices.Equal(got.Servers, token.Servers) {
			t.Errorf("%s: it prints %s, %v", args, said, err)
		}
		var asked api.TokenRequest
		if err := json.Unmarshal([]byte(a.bodies[len(a.bodies)-1]), &asked); err != nil || asked != want {
			t.Errorf("%s: it asks for %+v, want %+v", args, asked, want)
		}
	}
	for _, ttl := range []string{"59s", "721h", "-1h"} {
		a.wants(t, exitUsage, "choose between 1m0s and 720h0m0s", "agent", "token", "--cluster", "edge", "--ttl", ttl)
	}
}

// Nothing is asked of the hub where the flags are wrong: a token that nobody gets would be one that waits to be used.
func TestTheManifestOfAnAgentIsAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	token := joinToken("edge")
	a := answering(t, map[string]any{"POST /api/v1/clusters/edge/token": token})
	args := func(more ...string) []string {
		return append([]string{"agent", "manifest", "--cluster", "edge"}, more...)
	}
	for _, c := range []struct{ says, args string }{
		{"--scope shop: it is given as namespace=a,b", "--scope shop"}, {"choose yaml or helm-values", "-o json"},
		{"is no image reference", "--image -x"}, {"", "--namespace Not_A_Name"}, {"", "--form pod"},
		{"", "--leader-nodes a=b=c"}, {"", "--proxy nonsense"},
	} {
		a.wants(t, exitUsage, c.says, args(strings.Fields(c.args)...)...)
	}
	if len(a.asked) > 0 {
		t.Fatalf("the hub was asked for %q", a.asked)
	}
	join, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Agent{Cluster: "edge", Namespace: "ops", Image: pinnedImage, Join: join,
		Scope: []string{"shop", "web"}, Proxy: "http://proxy.example.com:3128", NoProxy: "10.0.0.0/8",
		LeaderNodes: "all", Form: manifest.FormDeployment,
		NodeSelector: map[string]string{"zone": "edge"}}
	flags := args("--namespace", "ops", "--image", pinnedImage, "--scope", "namespace=shop,web", "--proxy", want.Proxy,
		"--no-proxy", want.NoProxy, "--leader-nodes", "all", "--form", "deployment", "--node-selector", "zone=edge")
	for _, c := range []struct {
		format string
		write  func(*bytes.Buffer) error
	}{
		{formatYAML, func(b *bytes.Buffer) error { return manifest.WriteAgent(b, want) }},
		{formatValues, func(b *bytes.Buffer) error { return manifest.WriteValues(b, want) }},
	} {
		var text bytes.Buffer
		if err := c.write(&text); err != nil {
			t.Fatal(err)
		}
		if said := a.says(t, append(flags, "-o", c.format)...); said != text.String() {
			t.Errorf("-o %s prints\n%s\nwant\n%s", c.format, said, &text)
		}
	}
	a.wants(t, exitFine, "warning: the image drover-agent:2 is named by a tag", args("--image", "drover-agent:2")...)
}
