package model

import "fmt"

// CopyStrategy says what becomes of a file that is copied.
type CopyStrategy string

// The strategies of copies. The first three are those of an ArtifactGenerator of Flux.
const (
	CopyOverwrite CopyStrategy = "Overwrite" // it replaces one that is there
	CopyMerge     CopyStrategy = "Merge"     // as YAML it is laid over one that is there, like values of Helm
	CopyExtract   CopyStrategy = "Extract"   // it is an archive (.tar.gz, .tgz), whose files are copied
	// CopyInclude: what a folder holds stands for all of To, which may not be there yet, as GitRepository.spec.include has
	// it.
	CopyInclude CopyStrategy = "Include"
)

// Copy is one step of making a SourceComposed, in which the paths are slash-separated and relative.
type Copy struct {
	From     Source       `json:"from"`
	Path     string       `json:"path"` // in From: a file, a folder, or a pattern
	To       string       `json:"to"`   // a folder if it ends with a slash; else a file is copied to this name
	Exclude  []string     `json:"exclude,omitempty"`
	Strategy CopyStrategy `json:"strategy,omitempty"` // CopyOverwrite if nothing is said
	Optional bool         `json:"optional,omitempty"` // that nothing is found is no error
}

// String is the copy for people.
func (c Copy) String() string {
	if c.From.Kind == SourceFollowed {
		return fmt.Sprintf("%q to %q", c.Path, c.To)
	}
	return fmt.Sprintf("%q of %s to %q", c.Path, c.From, c.To)
}

// fetched are the sources that are fetched for one; a composed source is none itself.
func (s *Source) fetched() []*Source {
	switch s.Kind {
	case SourceFollowed:
		return nil
	case SourceComposed:
		var out []*Source
		for i := range s.Copies {
			out = append(out, s.Copies[i].From.fetched()...)
		}
		return out
	}
	return []*Source{s}
}
