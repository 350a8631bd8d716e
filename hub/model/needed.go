package model

import (
	"fmt"
	"path"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// Needed is a source that a render looked for in its tree and did not find: a published chart, or what a kustomization
// names by its address.
type Needed struct {
	Source Source `json:"source"`
	// At is the folder in which it is to be. If Archive is set, the version of the chart that was found and .tgz are
	// added to it, as Helm names the archives in charts/.
	At      string `json:"at"`
	Archive bool   `json:"archive,omitempty"`
	// By says what names it, with file, line and field; "" for the dependency of a chart.
	By   string `json:"by,omitempty"`
	Base bool   `json:"base,omitempty"` // a kustomization names it by its address
	// Note is on how it is named; nil if there is nothing to say.
	Note *fleet.Note `json:"note,omitempty"`
	// Or is what is meant where Source turns out to be no manifest.
	Or *Needed `json:"or,omitempty"`
}

// NeededError says that a render needs sources in its tree. It is to be tried again with them.
type NeededError struct{ Sources []Needed }

// Error implements error.
func (e *NeededError) Error() string {
	names := make([]string, 0, len(e.Sources))
	for _, s := range e.Sources {
		names = append(names, strings.TrimSpace(s.By+" "+s.Source.String()))
	}
	return "it needs what is published elsewhere, which is not fetched here: " + strings.Join(names, ", ") +
		": commit it, or deliver it by an app of its own"
}

// FetchingError says that a source is being fetched.
type FetchingError struct{ Source Source }

// Error implements error.
func (e *FetchingError) Error() string {
	return fmt.Sprintf("%s is being fetched: the app follows when it is here", e.Source)
}

// remoteRoot is the folder below which sources are put that files name by their addresses. No repository can have a file
// there, since Git keeps the name to itself.
const remoteRoot = ".git/drover"

// RemoteFolder is where a source is put that the file at a path names by its address: one in another such folder has
// those that it names below it.
func RemoteFolder(file string, s Source) string {
	return path.Join(RemoteOf(file), remoteRoot, s.Key())
}

// RemoteOf is the folder of RemoteFolder that has a path; "" if it is in none, but in the tree itself.
func RemoteOf(file string) string {
	at := strings.LastIndex("/"+file, "/"+remoteRoot+"/")
	if at < 0 {
		return ""
	}
	key, _, _ := strings.Cut(file[at+len(remoteRoot)+1:], "/")
	return file[:at+len(remoteRoot)+1] + key
}

// RemoteFor says whether a path is in a folder of RemoteFolder that what the file names is put into.
func RemoteFor(file, name string) bool {
	at := RemoteOf(name)
	return at != "" && path.Join(RemoteOf(file), remoteRoot, path.Base(at)) == at
}

// RemoteDepth is how many such folders a path is in.
func RemoteDepth(file string) int { return strings.Count("/"+file, "/"+remoteRoot+"/") }

// RemoteFile is what the one file of a SourceFile is called in its tree.
const RemoteFile = "file.yaml"
