package demo

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
)

// figures are the times that the story has shown. The zero value is ready for use, by several goroutines.
type figures struct {
	mu             sync.Mutex
	commits, edits []time.Duration
}

func (f *figures) commit(d time.Duration) { f.note(&f.commits, d) }
func (f *figures) edit(d time.Duration)   { f.note(&f.edits, d) }

func (f *figures) note(to *[]time.Duration, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*to = append(*to, d)
}

// spread writes the least, the median and the most of several times.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "none measured"
	}
	sorted := slices.Sorted(slices.Values(times))
	return fmt.Sprintf("%s (median of %d; %s to %s)", screen.Duration(sorted[len(sorted)/2]), len(sorted), screen.Duration(sorted[0]), screen.Duration(sorted[len(sorted)-1]))
}

// conclude ends the story with what the reader would ask.
func (s *story) conclude(ctx context.Context) error {
	for _, c := range s.clusters {
		if _, err := c.wait(ctx, append(s.wanted(c), gone(pageNotice))...); err != nil {
			return err
		}
	}
	s.screen.Heading(fmt.Sprintf("All %d acts were verified, %s after the start", len(s.acts()), screen.Duration(time.Since(s.begun))))
	s.screen.Note("commit → applied: %s", spread(s.shown.commits))
	s.screen.Note("edit → healed:    %s", spread(s.shown.edits))
	s.screen.Line("")
	s.screen.Ran("drover status --exit-code")
	text, err := s.settled(ctx)
	for l := range strings.Lines(text) {
		s.screen.Line("      " + strings.TrimRight(l, "\n"))
	}
	return err
}

// settleTime is how long the last rollout may take to be over: its old pods have yet to end when the new ones serve.
const settleTime = time.Minute

// settled is what drover status says when all is well, or when that has taken too long.
func (s *story) settled(ctx context.Context) (text string, err error) {
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(settleTime); ; {
		text, err = s.hub.drover(ctx, "status", "--exit-code")
		if err == nil || time.Now().After(end) {
			return text, err
		}
		select {
		case <-ctx.Done():
			return text, ctx.Err()
		case <-poll.C:
		}
	}
}

// stay keeps everything up until ctx ends, and tells the reader what to try.
func (s *story) stay(ctx context.Context) {
	s.mu.Lock()
	s.staying = true
	s.mu.Unlock()
	path, err := s.kubectl(ctx)
	if err != nil && ctx.Err() == nil {
		s.screen.Wrong("kubectl could not be built, bring your own: " + err.Error())
	}
	config := s.work.File("kubeconfig")
	if err := os.WriteFile(config, []byte(kubeconfig(s.clusters)), 0o600); err != nil {
		s.screen.Wrong("write a kubeconfig: " + err.Error())
	}
	if ctx.Err() != nil {
		return
	}
	bin, err := filepath.Abs(s.Bin)
	if err != nil {
		bin = s.Bin
	}
	s.screen.Heading("It is yours now, until Ctrl-C. In another terminal:")
	s.screen.Line("")
	s.plain("export PATH=" + strings.Trim(bin+":"+path, ":") + ":$PATH")
	s.plain("export DROVER_DATA_DIR=" + s.hub.dataDir)
	s.plain("export KUBECONFIG=" + config)
	s.plain("cd " + s.repo.git.Dir)
	s.screen.Line("")
	s.screen.Note("Ask:")
	s.plain("drover status --watch")
	s.plain("drover status staging")
	s.plain("drover status -l env=production -o wide")
	s.plain("drover render staging --app status-page")
	s.plain("kubectl --context staging get deployments,configmaps -A")
	s.screen.Note("Edit, and see it healed:")
	s.plain("kubectl --context staging -n payments scale deployment payment-service --replicas 9")
	s.plain("kubectl --context staging delete namespace status")
	s.screen.Note("Commit, and see it arrive:")
	s.plain("sed -i s/1.6.0/1.7.0/ " + baseDeployment + " && git commit -am 1.7.0")
	s.plain("git revert --no-edit HEAD")
	s.screen.Line("")
	s.screen.Note("Logs and kubeconfigs:")
	s.plain(s.work.File("hub.log"))
	for _, c := range s.clusters {
		s.plain(c.agent.Log)
		s.plain(c.plane.Kubeconfig)
	}
	<-ctx.Done()
}

// plain shows a line that can be copied.
func (s *story) plain(text string) { s.screen.Line("        " + text) }

// kubectl returns the directory of kubectl, built if this machine has none, or "" if it is in the PATH.
func (s *story) kubectl(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("kubectl"); err == nil {
		return "", nil
	}
	began := time.Now()
	paths, err := testenv.Binaries(ctx, s.screen, "kubectl")
	if err != nil {
		return "", err
	}
	if took := time.Since(began); took > time.Second {
		s.screen.Saw(took, "kubectl is built, for you to try things")
	}
	return filepath.Dir(paths["kubectl"]), nil
}

// kubeconfig is one with a context for each cluster.
func kubeconfig(clusters []*cluster) string {
	var known, users, contexts strings.Builder
	for _, c := range clusters {
		ca := base64.StdEncoding.EncodeToString(c.plane.CA)
		fmt.Fprintf(&known, "- name: %s\n  cluster: {server: %q, certificate-authority-data: %s}\n", c.name, c.plane.URL, ca)
		fmt.Fprintf(&users, "- name: %s\n  user: {token: %s}\n", c.name, c.plane.Token)
		fmt.Fprintf(&contexts, "- name: %[1]s\n  context: {cluster: %[1]s, user: %[1]s}\n", c.name)
	}
	return fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n%susers:\n%scontexts:\n%scurrent-context: %s\n",
		&known, &users, &contexts, clusters[len(clusters)-1].name)
}
