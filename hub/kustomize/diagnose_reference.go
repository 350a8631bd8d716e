package kustomize

import (
	"fmt"
	"path"
	"strings"
)

// brokenReference finds an entry of a kustomization that leads to nothing, or to the wrong thing.
func brokenReference(m *mount, cause string) *BuildError {
	for _, k := range m.kusts {
		if e := secondKustomization(m, k); e != nil {
			return e
		}
		for _, r := range k.refs {
			if r.inline() {
				continue
			}
			if reason, hint := m.trouble(k, r, cause); reason != "" {
				return &BuildError{File: k.path, Line: lineOf(k.data, r.field), Reason: fmt.Sprintf("%s %q %s", r.field, withoutCredentials(r.path), reason), Hint: hint}
			}
		}
	}
	return nil
}

func secondKustomization(m *mount, k kustomization) *BuildError {
	names, err := kustomizationsIn(m, k.dir())
	if err != nil || len(names) < 2 {
		return nil
	}
	return twoKustomizations(k.dir(), names)
}

// trouble says what is wrong with one reference, "" if nothing is.
func (m *mount) trouble(k kustomization, r reference, cause string) (reason, hint string) {
	target, within := r.target(k.dir())
	if !within {
		return "leads outside the repository", inHint
	}
	info, err := m.stat(target)
	switch {
	case err != nil && strings.Contains(r.path, " - "):
		return "does not exist", "is the line below it indented further? YAML then reads the two as one"
	case err != nil && looksRemote(r.path):
		return "does not exist", "if it is meant to be remote: a build reads nothing outside the repository; " + inHint
	case err != nil:
		return "does not exist", m.didYouMean(target, "check the path; it is relative to the kustomization's folder")
	case info.IsDir() && !r.folder():
		return "is a folder", "name a file in it"
	case info.IsDir():
		return m.folderTrouble(k, r, target, cause)
	case r.role == component:
		return "is a file", "a component is a folder with a kustomization of kind Component"
	}
	return "", ""
}

func (m *mount) folderTrouble(k kustomization, r reference, target, cause string) (reason, hint string) {
	names, err := kustomizationsIn(m, target)
	at := "'" + absolute(target) + "'"
	switch {
	case err == nil && len(names) == 0:
		return "is a folder without a kustomization", "add a kustomization.yaml to it, or list its files"
	case strings.Contains(path.Clean(r.path), "..") && strings.Contains(cause, "is ambiguous") && strings.Contains(cause, fmt.Sprintf("%q", r.path)):
		return "has .. inside a name", "is a line below it indented wrongly?"
	case within(k.dir(), target), strings.Contains(cause, "cycle detected: candidate root "+at):
		return "leads back to a folder that is already being built: a cycle", "let one of the two folders not name the other"
	case strings.Contains(cause, "expected kind 'Component' for path "+at):
		return "is no component", "set kind: Component in its kustomization, or list it under resources"
	case strings.Contains(cause, "expected kind != 'Component' for path "+at):
		return "is a component", "list it under components, not under " + strings.TrimRight(r.field, "[0123456789]")
	}
	return "", ""
}

// within says whether folder dir is other or lies below it.
func within(dir, other string) bool {
	return dir == other || other == "." || strings.HasPrefix(dir, other+"/")
}

// didYouMean suggests a name that exists beside one that does not, or else gives the other hint.
func (m *mount) didYouMean(target, otherwise string) string {
	entries, err := m.readDir(path.Dir(target))
	if err != nil {
		return otherwise
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return suggest(path.Base(target), names, otherwise)
}

// suggest picks the name nearest to a misspelt one.
func suggest(name string, known []string, otherwise string) string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	best, distance := "", (len(stem)+2)/3 // a third of the name may be wrong
	for _, k := range known {
		if d := edits(name, k); d > 0 && d <= distance && len(stem) > 2 {
			best, distance = k, d-1
		}
	}
	if best == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// edits counts the changes of one letter, or swaps of two neighbours, between two names.
func edits(a, b string) int {
	if len(a) > 255 || len(b) > 255 {
		return max(len(a), len(b))
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
