package git

import (
	"context"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/hub/git/access"
)

// defaultPoll is how often a repository is looked at if nobody says that it moved.
const defaultPoll = 30 * time.Second

// Options say which repository is watched, and how.
type Options struct {
	// URL is a path on this machine (a work tree, a linked one or a bare repository) or a URL: file,
	// https, http, ssh, or git@host:path.
	URL string
	// Branch is what is followed. If it is empty, it is the branch that the repository's HEAD names.
	Branch string
	Wanted
	// Dir is where the mirror of a repository on another machine is kept. It is created; nothing
	// else may be kept in it. A repository on this machine needs none.
	Dir string
	// PollInterval is how often the repository is looked at without a hint, give or take a tenth.
	// Zero means 30 seconds.
	PollInterval time.Duration
	// Auth is how to log in to a repository on another machine.
	Auth access.Auth
	// Login, unless nil, gives Auth for each attempt.
	Login func(context.Context) (access.Auth, error)
	// Log gets what is not an error of Next: a mirror that is cloned again, a watch that does not work.
	// Nil means silence.
	Log *slog.Logger
}

// Wanted is what is followed instead of a branch. At most one of its fields is set.
type Wanted struct {
	Ref    string // a tag, or else a branch, or a whole ref such as refs/pull/1/head
	SemVer string // the highest tag in a range of versions
	Commit string // a full commit id; with a branch, only that is fetched
}
