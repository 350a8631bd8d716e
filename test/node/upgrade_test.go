//go:build linux

package node

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv/image"
)

// The images that the agent is to be upgraded to. Each machine has them, but for the one that is missing.
const (
	nextImage    = "drover-agent:next"    // the agent
	wrongImage   = "drover-agent:wrong"   // a program that knows none of the agent's flags, and ends
	missingImage = "drover-agent:missing" // in no registry
)

// importImages gives all machines the agent's images.
func (s *scene) importImages() {
	s.t.Helper()
	for name, program := range map[string]string{agentImage: "drover-agent", nextImage: "drover-agent", wrongImage: "drover"} {
		data, err := os.ReadFile(filepath.Join(s.bin, program))
		s.must(err)
		packed, err := image.Docker(data, program, name)
		s.must(err)
		for _, m := range s.machines {
			s.must(m.Import(s.t.Context(), packed))
		}
	}
}

// want has Git ask for an agent's image.
func (s *scene) want(image string) {
	s.t.Helper()
	s.repo.Write("clusters/"+cluster+"/cluster.yaml", "agent: {image: \""+image+"\"}\n")
	s.commit("the agent is to be " + image)
}

// told is what the hub tells of the cluster.
func (s *scene) told() (message, image string) {
	s.t.Helper()
	out, told, err := s.drover("status", cluster, "-o", "json")
	if err != nil {
		return told, ""
	}
	var d struct {
		Message string
		Agent   struct{ Image string }
	}
	s.must(json.Unmarshal([]byte(out), &d))
	return d.Message, d.Agent.Image
}

// imagesRun are the images of the agent's pods that stay, by the UIDs of the pods.
func (s *scene) imagesRun() map[string]string {
	s.t.Helper()
	run := map[string]string{}
	for _, p := range s.pods() {
		if p.Text("metadata", "deletionTimestamp") == "" {
			run[p.Text("metadata", "uid")] = p.Items("spec", "containers")[0].Text("image")
		}
	}
	return run
}

// upgrade has the agent upgraded to a version that works. The cluster is kept meanwhile.
func (s *scene) upgrade() {
	before := s.identities()
	begun := time.Now()
	s.want(nextImage)
	s.within(patience, "the hub hears of the new version", func() (bool, string) {
		message, image := s.told()
		return image == nextImage, message + " " + image
	})
	s.t.Logf("the new version reports after %s", since(begun))
	s.must(s.paint())
	s.must(s.cp.Kube().Wait(s.t.Context(), settings, "healed", isGreen))
	s.within(patience, "every machine runs the new version", func() (bool, string) {
		run := slices.Collect(maps.Values(s.imagesRun()))
		return len(run) == len(s.machines) && !slices.Contains(run, agentImage), strings.Join(run, " ")
	})
	s.installed(patience)
	s.t.Logf("all machines run it after %s", since(begun))
	s.within(patience, "nothing is left to be said", func() (bool, string) {
		message, _ := s.told()
		return message == "", message
	})
	s.settled(patience)
	s.unharmed(before)
}

// upgradeFails has the agent upgraded to what does not work. The pods that do stay, and the hub is told why.
func (s *scene) upgradeFails(image, reason string) {
	s.settled(patience)
	before, pods := s.identities(), s.imagesRun()
	_, former := s.told()
	begun := time.Now()
	s.want(image)
	s.within(5*time.Minute, "the hub hears why "+image+" failed", func() (bool, string) {
		message, _ := s.told()
		return strings.Contains(message, image+" failed: ") && strings.Contains(message, reason) && strings.Contains(message, "stays at "+former), message
	})
	message, _ := s.told()
	s.t.Logf("after %s: %s", since(begun), message)
	s.must(s.paint())
	s.must(s.cp.Kube().Wait(s.t.Context(), settings, "healed", isGreen))
	s.within(patience, "the pods that there were", func() (bool, string) {
		now := s.imagesRun()
		return maps.Equal(now, pods), strings.Join(slices.Collect(maps.Values(now)), " ")
	})
	s.installed(patience)
	s.unharmed(before)
}
