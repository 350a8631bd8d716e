package access

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

	// Alone: nothing is taken from the URL, the environment or the user of this machine. A user who names a
	// repository to
	// be fetched must not have it fetched with what is not meant for it.
	Alone bool
}
