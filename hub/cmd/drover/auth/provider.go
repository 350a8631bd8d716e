package auth

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/oidc"
	"github.com/drover-dev/drover/hub/people"
)

// Provider are the flags of `drover hub` for an identity provider.
type Provider struct {
	options oidc.Options
	ca      string
}

// AddTo adds the flags.
func (p *Provider) AddTo(f *pflag.FlagSet) {
	f.StringVar(&p.options.Issuer, "oidc-issuer", "",
		"address of an OpenID Connect provider whose ID tokens are accepted, as they have it in \"iss\" (docs/access.md)")
	f.StringVar(&p.options.ClientID, "oidc-client-id", "", "the client that ID tokens are to be made for (\"aud\")")
	f.StringVar(&p.options.Username, "oidc-username-claim", "email", "the claim with the name of a user")
	f.StringVar(&p.options.Groups, "oidc-groups-claim", "groups", "the claim with the groups of a user")
	f.StringVar(&p.ca, "oidc-ca-file", "", "certificates to trust for the provider, besides the system's")
}

// Open has a register know the users of the provider, where the flags name one. sources say which addresses of this
// machine may be asked.
func (p Provider) Open(register *people.Register, sources *tree.Sources) (err error) {
	o := p.options
	switch {
	case o.Issuer == "" && (o.ClientID != "" || p.ca != ""):
		return errors.New("--oidc-client-id and --oidc-ca-file are for a provider: name it with --oidc-issuer")
	case o.Issuer == "":
		return nil
	}
	if p.ca != "" {
		if o.CA, err = os.ReadFile(p.ca); err != nil {
			return fmt.Errorf("--oidc-ca-file: %w", err)
		}
	}
	o.Local = sources.Local
	if o.Allowed, err = sources.Allowed(); err != nil {
		return err
	}
	users, err := oidc.New(o)
	if err != nil {
		return fmt.Errorf("--oidc-issuer: %w", err)
	}
	register.Users = users
	return nil
}
