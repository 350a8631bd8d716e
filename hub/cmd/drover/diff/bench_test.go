package diff

import (
	"flag"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

var (
	clusters = flag.Int("clusters", 10_000, "how many clusters BenchmarkDiff has")
	each     = flag.Int("apps", 10, "how many apps each of them has")
)

// imported makes a repository whose branch main has one commit, and newer another one with a line of the base of one
// app changed. of gives the files of a cluster.
func imported(b *testing.B, of func(cluster string) map[string]string) string {
	b.Helper()
	dir := b.TempDir()
	var in strings.Builder
	file := func(path, text string) { fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text) }
	begin := func(branch, more string) {
		fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 1\nx\n%s", branch,
			more)
	}
	base := func(app int, image string) string {
		var out strings.Builder
		for i := range 5 {
			fmt.Fprintf(&out, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d-%d, namespace: n}\ndata: {k: v}\n",
				app, i)
		}
		return out.String() + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d" + fmt.Sprint(app) + ", namespace: n}\n" +
			"spec: {template: {spec: {containers: [{name: web, image: 'web:" + image + "'}]}}}\n"
	}
	begin("main", "")
	for i := range *each {
		file(fmt.Sprintf("apps/a%d/base/kustomization.yaml", i), "resources: [all.yaml]\n")
		file(fmt.Sprintf("apps/a%d/base/all.yaml", i), base(i, "1"))
	}
	for i := range *clusters {
		name := fmt.Sprintf("c%05d", i)
		for path, text := range of(name) {
			file(path, text)
		}
	}
	begin("newer", "from refs/heads/main\n")
	file("apps/a0/base/all.yaml", base(0, "2"))
	run := func(stdin io.Reader, args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Stdin = stdin
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	run(nil, "init", "-q", "--bare", "-b", "main")
	run(strings.NewReader(in.String()), "fast-import", "--quiet")
	return dir
}

const app = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: a%d}\nspec: {path: %s}\n"

// BenchmarkDiff compares a line of a base that all clusters have, and resolving the fleet once, in the same run: the
// ratio is to stay below 2. Say -benchtime=1x, and -args -clusters N.
func BenchmarkDiff(b *testing.B) {
	for name, of := range map[string]func(cluster string) map[string]string{
		// every cluster delivers the same folders
		"shared": func(cluster string) map[string]string {
			out := map[string]string{"clusters/" + cluster + "/cluster.yaml": "labels: {name: " + cluster + "}\n"}
			for i := range *each {
				out[fmt.Sprintf("clusters/%s/a%d.yaml", cluster, i)] = fmt.Sprintf(app, i, fmt.Sprintf("apps/a%d/base", i))
			}
			return out
		},
		// every cluster has an overlay of its own over each base
		"overlays": func(cluster string) map[string]string {
			out := map[string]string{"clusters/" + cluster + "/cluster.yaml": "labels: {name: " + cluster + "}\n"}
			for i := range *each {
				folder := fmt.Sprintf("apps/a%d/overlays/%s", i, cluster)
				out[folder+"/kustomization.yaml"] = "resources: [../../base]\ncommonAnnotations: {cluster: " + cluster + "}\n"
				out[fmt.Sprintf("clusters/%s/a%d.yaml", cluster, i)] = fmt.Sprintf(app, i, folder)
			}
			return out
		},
	} {
		b.Run(name, func(b *testing.B) {
			dir := imported(b, of)
			var resolving, comparing time.Duration
			for b.Loop() {
				begin := time.Now()
				resolved(b, dir)
				resolving += time.Since(begin)
				begin = time.Now()
				compared(b, dir)
				comparing += time.Since(begin)
			}
			b.ReportMetric(resolving.Seconds()/float64(b.N), "s/resolve")
			b.ReportMetric(comparing.Seconds()/float64(b.N), "s/diff")
			b.ReportMetric(float64(comparing)/float64(resolving), "diff/resolve")
		})
	}
}

func parsed(b *testing.B, dir string) *options {
	b.Helper()
	o := &options{base: "main", head: "newer", output: formatText}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddReading(f)
	if err := f.Parse([]string{"--repo", dir}); err != nil {
		b.Fatal(err)
	}
	return o
}

// resolved resolves all clusters at one revision.
func resolved(b *testing.B, dir string) {
	b.Helper()
	o := parsed(b, dir)
	o.Revision = "newer"
	at, err := o.Open(b.Context(), io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer at.Close()
	listed, err := at.Resolver.Clusters(at.Snap)
	if err != nil {
		b.Fatal(err)
	}
	_, all, err := at.Settled(b.Context(), listed.Sites.Sites, nil)
	if err != nil || len(all) != *clusters || len(all[0].Apps) != *each || all[0].Apps[0].Err != "" {
		b.Fatalf("%d clusters were resolved: %v", len(all), err)
	}
}

// compared compares both revisions.
func compared(b *testing.B, dir string) {
	b.Helper()
	o := parsed(b, dir)
	r, err := o.report(b.Context(), io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	if len(r.Groups) != 1 || len(r.Groups[0].Clusters) != *clusters || r.Groups[0].Count("changed") != 1 {
		b.Fatalf("there are %d groups: %+v", len(r.Groups), r.Errors)
	}
	if err := o.print(io.Discard, r); err != nil {
		b.Fatal(err)
	}
}
