package renderers

import "time"

// What one render may take.
const (
	MaxOutput = 32 << 20 // bytes of manifests
	MaxMemory = 1 << 30  // bytes of memory that each process may write to
	MaxFile   = 1 << 30  // bytes of a file that is written
	MaxSaid   = 4000     // bytes of what a plugin says went wrong

	maxTree  = 256 << 20 // bytes of the copy of a source
	maxFiles = 50_000    // files of it
	maxDepth = 64        // folders within folders
	maxTime  = 90 * time.Second
	graceful = 5 * time.Second // that the host has beyond, to say what hangs
)

// The folders below the one that is made for a render.
const (
	TreeFolder = "tree" // the copy of the source, which cannot be written to
	WorkFolder = "work" // what may be written to; the copy of a plugin that may write to it is in its own TreeFolder
)

// Job is what the host is to do, as JSON on its standard input. When that ends, so does the host.
type Job struct {
	Root     string        `json:"root"`    // the folder that was made for the render
	Program  string        `json:"program"` // of the plugin
	Runs     string        `json:"runs"`    // what the plugin has to call itself
	Config   []byte        `json:"config,omitempty"`
	Tree     string        `json:"tree"`
	Path     string        `json:"path"`
	Env      []string      `json:"env,omitempty"`
	Discover bool          `json:"discover,omitempty"` // ask whether the folder is one for the plugin, and render nothing
	Time     time.Duration `json:"time"`
}

// Answer is what came of a Job, as JSON on the host's standard output.
type Answer struct {
	Manifests []byte `json:"manifests,omitempty"`
	Supported bool   `json:"supported,omitempty"`
	Error     string `json:"error,omitempty"`
}
