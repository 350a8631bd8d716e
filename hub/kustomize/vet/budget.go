package vet

import (
	"fmt"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
)

// What a build may read. Kustomize itself knows no bounds; these are far above anything that an API
// server would take, and keep one folder from taking the hub's memory.
const (
	maxFile           = 16 << 20  // bytes of one file
	maxRead           = 256 << 20 // bytes read, counting a file as often as it is read
	maxReads          = 50_000    // files read, counted likewise
	maxKustomizations = 5_000     // kustomizations read, counted likewise
	maxNodes          = 4_000_000 // values in all YAML read, roughly
	maxAliased        = 1_000_000 // values in one document once its aliases are written out
)

// Budget is what a build has used. Its zero value is that of a build that has read nothing.
type Budget struct {
	bytes, reads, folders, nodes int
}

// SplitHint says what to do about a folder that takes too much.
const SplitHint = "split the folder, or move what is no manifest out of it"

// Admit counts a file that is about to be served and refuses it if it is too much, or if its
// aliases would blow up: kustomize writes aliases out, and recurses for ever on one that
// contains itself.
func (b *Budget) Admit(name string, data []byte) *diagnose.BuildError {
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
			maxFile>>20), Hint: SplitHint}
	case b.bytes > maxRead, b.reads > maxReads, b.folders > maxKustomizations, b.nodes > maxNodes:
		return &diagnose.BuildError{File: name,
			Reason: "the build reads more than its bounds allow; this is where it was stopped",
			Hint:   "does a base include itself many times over? Otherwise " + SplitHint}
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
