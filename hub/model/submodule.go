package model

import (
	"errors"
	"fmt"
)

// SubmoduleError says that a path of a Git repository is, or is in, a submodule, whose files are in another repository.
type SubmoduleError struct {
	Path   string // of the submodule
	Commit string // of the other repository, that belongs there
	URL    string // of the other repository, as .gitmodules has it, with a relative one resolved; "" if it is not known
	Reason string // why it is not known
}

// Error implements error.
func (e *SubmoduleError) Error() string {
	if e.URL == "" {
		return fmt.Sprintf("%s is a Git submodule, and %s: correct .gitmodules, or vendor its files (commit them in this "+
			"repository)", e.Path, e.Reason)
	}
	n, _ := e.Needed()
	return (&NeededError{Sources: []Needed{n}}).Error()
}

// InSubmodule says whether an error is that something is, or is in, a submodule.
func InSubmodule(err error) bool {
	_, is := errors.AsType[*SubmoduleError](err)
	return is
}

// Needed is the submodule as a source that a render needs; false if nobody knows where it is.
func (e *SubmoduleError) Needed() (Needed, bool) {
	return Needed{Source: Source{Kind: SourceGit, URL: e.URL, Revision: e.Commit}, At: e.Path,
		By: ".gitmodules: the submodule " + e.Path}, e.URL != ""
}

// Below is the error as it is for a tree that has the repository in a folder.
func (e *SubmoduleError) Below(folder string) *SubmoduleError {
	out := *e
	out.Path = folder + "/" + e.Path
	return &out
}
