package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// newcomer is the cluster that is registered later, and model the one whose folder it is made after.
const (
	newcomer = "production-eu-west-1"
	model    = "production-us-east-1"
)

// register adds a folder for a cluster, and then the cluster.
func (s *story) register(ctx context.Context) error {
	s.screen.Ran(fmt.Sprintf("cp -r clusters/%s clusters/%s", model, newcomer))
	s.screen.Ran("sed -i s/us-east-1/eu-west-1/ clusters/" + newcomer + "/*")
	s.screen.Ran("git add clusters/" + newcomer)
	if err := s.copyFolder(); err != nil {
		return err
	}
	m, err := s.repo.commit("a cluster in Ireland")
	if err != nil {
		return err
	}
	s.head = m.hash
	if err := s.awaited(ctx, m.at); err != nil {
		return err
	}
	c, err := s.raise(ctx, newcomer)
	if err != nil {
		return err
	}
	s.screen.Note("No containers run here, so its agent runs beside it, with a join token of its own:")
	s.screen.Ran("drover agent token --cluster " + newcomer + " > token.json")
	s.screen.Ran("drover-agent --join token.json --kubeconfig kubeconfig")
	if err := s.settle(ctx, c); err != nil {
		return err
	}
	slices.SortFunc(s.clusters, func(a, b *cluster) int { return strings.Compare(a.name, b.name) })
	return s.hub.untilGood(ctx, s.head, len(s.clusters))
}

// copyFolder copies the model's folder, with another region in it.
func (s *story) copyFolder() error {
	from := filepath.Join(s.repo.git.Dir, "clusters", model)
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		s.repo.git.Write("clusters/"+newcomer+"/"+f.Name(), strings.ReplaceAll(string(text), "us-east-1", "eu-west-1"))
	}
	return nil
}

// awaited waits until the status asks for the newcomer's agent, and says how to install it.
func (s *story) awaited(ctx context.Context, since time.Time) error {
	command := "drover agent manifest --cluster " + newcomer
	err := s.hub.untilStatus(ctx, newcomer+" is awaiting its agent, and the command that installs it", func(f fleet) string {
		i := slices.IndexFunc(f.Clusters, func(r row) bool { return r.Name == newcomer })
		switch {
		case i < 0:
			return "no such cluster"
		case f.Clusters[i].State != "awaiting agent" || !strings.Contains(f.Clusters[i].Message, command):
			return f.Clusters[i].String()
		}
		return ""
	})
	if err != nil {
		return err
	}
	s.screen.Saw(time.Since(since), "%s: registered, awaiting its agent", newcomer)
	s.screen.Ran("drover status")
	text, err := s.hub.drover(ctx, "status")
	if err != nil {
		return err
	}
	s.screen.Quote(grep(text, newcomer))
	return nil
}
