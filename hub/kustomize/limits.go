package kustomize

import (
	"fmt"
	"regexp"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// What a build may take. Kustomize itself knows no bounds; these are far above anything that an API
// server would take, and keep one folder from taking the hub's memory.
const (
	maxFile           = 16 << 20  // bytes of one file
	maxRead           = 256 << 20 // bytes read, counting a file as often as it is read
	maxReads          = 50_000    // files read, counted likewise
	maxKustomizations = 5_000     // kustomizations read, counted likewise
	maxNodes          = 4_000_000 // values in all YAML read, roughly
	maxAliased        = 1_000_000 // values in one document once its aliases are written out
	maxObjects        = 50_000
	maxOutput         = 64 << 20 // bytes of JSON
)

// What a build in a worker may take beyond.
const (
	maxMemory = 1 << 30          // bytes of memory of the process
	maxStack  = 64 << 20         // bytes of stack of one goroutine
	maxTime   = 60 * time.Second // with the time that it waits for its turn

	idleTime = 30 * time.Second // after which a worker without work ends
	restTime = 5 * time.Second  // after which a worker gives memory back
	ready    = 2                // workers that do not end: one that builds, and one for what comes meanwhile

	slowAfter   = 100 * time.Millisecond // when a build has taken this long, others take precedence
	lowPriority = 10                     // nice value
)

func tooLarge(b *diagnose.Build) error {
	return &diagnose.BuildError{File: b.Outermost(), Reason: "the objects come to more than 64 MiB", Hint: splitHint}
}

// init bounds what "copy" operations in a JSON patch may add up to; each can double an object.
func init() { jsonpatch.AccumulatedCopySizeLimit = maxOutput }

func tooManyObjects(b *diagnose.Build) error {
	return &diagnose.BuildError{File: b.Outermost(), Reason: fmt.Sprintf("the folder gives more than %d objects",
		maxObjects), Hint: "split the folder into several apps"}
}

// budget is what a build has used.
type budget struct {
	bytes, reads, folders, nodes int
}

const splitHint = "split the folder, or move what is no manifest out of it"

// admit counts a file that is about to be served and refuses it if it is too much, or if its
// aliases would blow up: kustomize writes aliases out, and recurses for ever on one that
// contains itself.
func (b *budget) admit(name string, data []byte) *diagnose.BuildError {
	b.bytes += len(data)
	b.reads++
	if diagnose.IsKustomization(name) {
		b.folders++
	}
	if diagnose.IsManifest(name) {
		b.nodes += countNodes(data)
	}
	switch {
	case len(data) > maxFile:
		return &diagnose.BuildError{File: name, Reason: fmt.Sprintf("is larger than the %d MiB that a build reads",
			maxFile>>20), Hint: splitHint}
	case b.bytes > maxRead, b.reads > maxReads, b.folders > maxKustomizations, b.nodes > maxNodes:
		return &diagnose.BuildError{File: name,
			Reason: "the build reads more than its bounds allow; this is where it was stopped",
			Hint:   "does a base include itself many times over? Otherwise " + splitHint}
	case anchor.Match(data) && alias.Match(data):
		return vetAliases(name, data)
	}
	return nil
}

// countNodes gives about how many values YAML text holds.
func countNodes(data []byte) int {
	n := 1
	for _, c := range data {
		switch c {
		case '\n', ',', '[', '{':
			n++
		}
	}
	return n
}

// anchor and alias find all text that YAML may take for one, and spare the usual file a parse.
var (
	anchor = regexp.MustCompile(`(^|[\s\[{,:?-])&[^\s\[\]{},]`)
	alias  = regexp.MustCompile(`(^|[\s\[{,:?-])\*[^\s\[\]{},]`)
)

func vetAliases(name string, data []byte) *diagnose.BuildError {
	for _, doc := range diagnose.Documents(data) {
		var node yaml.Node
		if yaml.Unmarshal([]byte(doc.Text), &node) != nil {
			continue
		}
		switch n := expanded(&node, map[*yaml.Node]int{}); {
		case n < 0:
			return &diagnose.BuildError{File: name, Line: doc.Line, Reason: "an alias stands inside the very value it repeats",
				Hint: "write the value out"}
		case n > maxAliased:
			return &diagnose.BuildError{File: name, Line: doc.Line,
				Reason: fmt.Sprintf("its aliases write out to more than %d values", maxAliased),
				Hint:   "use fewer aliases of aliases"}
		}
	}
	return nil
}

// expanded counts the values of a node with its aliases written out: -1 if that never ends.
func expanded(n *yaml.Node, known map[*yaml.Node]int) int {
	if size, ok := known[n]; ok {
		return size
	}
	known[n] = -1
	size := 1
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, c := range children {
		more := expanded(c, known)
		if more < 0 {
			return -1
		}
		size = min(size+more, maxAliased+1)
	}
	known[n] = size
	return size
}
