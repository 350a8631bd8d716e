package waves

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/revert"
	"github.com/drover-dev/drover/hub/rollouts"
)

// RevertOptions say how the hub pushes reverts.
type RevertOptions struct{ author, key, credential string }

// Flags adds the flags.
func (o *RevertOptions) Flags(f *pflag.FlagSet) {
	f.StringVar(&o.author, "revert-author", "Drover <drover@localhost.invalid>", "author of the reverts that "+
		"RolloutPolicies ask for, as \"Name <mail>\"")
	f.StringVar(&o.key, "revert-signing-key", "", "file with a private key for ssh, without a "+
		"passphrase, that signs reverts")
	f.StringVar(&o.credential, "revert-credential", "", "name of the credential in --credentials-dir with which "+
		"reverts are pushed")
}

// Pusher pushes reverts to the repository that the hub follows, with one of the credentials and no other.
func (o *RevertOptions) Pusher(repository, branch, dataDir string, from *credentials.Folder) (rollouts.Reverting,
	error) {
	return revert.New(revert.Options{URL: repository, Branch: branch, Dir: filepath.Join(dataDir, "git"), Author: o.author,
		Key: o.key, Login: func(ctx context.Context) (access.Auth, error) {
			if o.credential == "" {
				return access.Auth{}, errors.New("the hub has no credential to push with: name one of --credentials-dir " +
					"with --revert-credential")
			}
			c, err := from.FindAmong(ctx, repository, o.credential, false, []string{o.credential})
			return access.Auth{Username: c.Username, Password: c.Password, Token: c.Token, CA: c.CA, Certificate: c.Certificate,
				TLSKey: c.Key, Key: c.SSHKey, KeyPassphrase: c.SSHPassphrase, KnownHosts: c.KnownHosts, Alone: true}, err
		}})
}
