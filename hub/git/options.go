package git

import (
	"context"
	"log/slog"
	"time"
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
	Auth Auth
	// Login, unless nil, gives Auth for each attempt.
	Login func(context.Context) (Auth, error)
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

// Auth are credentials. They are read again for each attempt, so that files may be replaced
// while the hub runs, and appear in no log, error or file. The zero value uses what the URL holds, and for
// ssh the agent that SSH_AUTH_SOCK names.
type Auth struct {
	Username     string // for https; "" means the URL's, or "git" if there is a password
	Password     string // or token, for https
	PasswordFile string // holds Password; surrounding space is cut off
	PasswordEnv  string // environment variable that holds Password
	CAFile       string // PEM certificates that are trusted besides the system's, for https

	KeyFile        string // private key for ssh, PEM or OpenSSH
	KeyPassphrase  string // of KeyFile, if it is encrypted
	KnownHostsFile string // for ssh; "" means SSH_KNOWN_HOSTS, ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts

	Token               string // sent as bearer instead of user and password, for https
	CA                  string // what is in CAFile
	Certificate, TLSKey string // of the client, PEM, for https
	Key, KnownHosts     string // what is in KeyFile and KnownHostsFile

	// Alone: nothing is taken from the URL, the environment or the user of this machine. A user who names a repository to
	// be fetched must not have it fetched with what is not meant for it.
	Alone bool
}
