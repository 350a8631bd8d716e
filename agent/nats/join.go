package nats

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/protocol"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// grantTimeout is how long the hub may take to answer who asks for a credential.
const grantTimeout = 10 * time.Second

// refusal is why the hub gives no credential, in its words.
type refusal struct {
	why   string
	final bool
}

func (r refusal) Error() string { return "the hub gives no credential: " + r.why }

func isFinal(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.final
}

// Join implements agent.Session.
func (s *Session) Join(ctx context.Context) error {
	o := outage{log: s.c.Log}
	for !s.c.Identity.Joined() {
		token, err := s.readToken(ctx)
		usable := err == nil
		if usable {
			err = s.redeem(ctx, token, &o)
		}
		switch {
		case errors.Is(err, agent.ErrLost):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case !usable || isFinal(err):
			s.say(err.Error())
			wait(ctx, s.c.Look) // for another token
		default:
			s.say(joinTrouble(token, err, time.Now()))
			o.pause(ctx, err)
		}
	}
	s.say("")
	return nil
}

// joinTrouble is what to say of a try to join that may be repeated.
func joinTrouble(t protocol.JoinToken, err error, now time.Time) string {
	if now.After(t.Expires) {
		return fmt.Sprintf("cluster %s cannot join: its join token expired at %s; run `drover agent manifest "+
			"--cluster %s | kubectl apply -f -` for another",
			t.Cluster, t.Expires.UTC().Format(time.RFC3339), t.Cluster)
	}
	if isRefused(err) {
		return fmt.Sprintf("cluster %s cannot join: the hub's NATS server refuses its join token, which was used, was "+
			"revoked or has expired; "+
			"run `drover agent manifest --cluster %s | kubectl apply -f -` for another", t.Cluster, t.Cluster)
	}
	return fmt.Sprintf("cluster %s has not joined yet; retrying: %v", t.Cluster, err)
}

// noToken says that there is no join token.
type noToken string

func (e noToken) Error() string { return string(e) }

// readToken reads the join token, and says what to do if there is none.
func (s *Session) readToken(ctx context.Context) (protocol.JoinToken, error) {
	const what = "run `drover agent manifest --cluster NAME | kubectl apply -f -`, or name the file of a token with --join"
	read := s.c.Token
	if read == nil {
		read = func(context.Context) ([]byte, error) { return os.ReadFile(s.c.TokenFile) }
	}
	data, err := read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.JoinToken{},
			noToken(fmt.Sprintf("this cluster has not joined a fleet, and there is no join token at %q: %s",
				s.c.TokenFile, what))
	}
	if err != nil {
		return protocol.JoinToken{}, fmt.Errorf("the join token cannot be read: %w; %s", err, what)
	}
	t, err := protocol.DecodeJoinToken(data)
	if err == nil {
		err = credential.CheckTrust(t.Trust)
	}
	if err != nil {
		return protocol.JoinToken{}, fmt.Errorf("the join token in %s is of no use: %w", s.c.TokenFile, err)
	}
	return t, nil
}

// newToken is a join token that a cluster that has joined was given since; nil if there is none.
func (s *Session) newToken(ctx context.Context) *protocol.JoinToken {
	cred := s.c.Identity.Credential()
	t, err := s.readToken(ctx)
	var none noToken
	switch {
	case errors.As(err, &none), ctx.Err() != nil: // it need not be there any more
	case err != nil:
		s.c.Log.Warn("the cluster goes on with the credential that it has", "err", err)
	case t.User == cred.Token:
		s.spend(ctx, t)
	case t.Cluster != cred.Cluster:
		s.c.Log.Warn(fmt.Sprintf("the join token in %s is for cluster %s, and this is %s: it is not used. If the "+
			"cluster is to become %s, uninstall the agent first",
			s.c.TokenFile, t.Cluster, cred.Cluster, t.Cluster))
	case s.c.Identity.Refused(t.User) != "":
		s.c.Log.Warn("the hub has refused the newer join token; the cluster goes on with the credential that it has",
			"err", s.c.Identity.Refused(t.User))
	default:
		return &t
	}
	return nil
}

// rejoin redeems the newer token of a cluster that has joined. It gives the token back if that is to be tried again:
// before the next connection, because it came for a reason.
func (s *Session) rejoin(ctx context.Context, t *protocol.JoinToken, o *outage) (*protocol.JoinToken, error) {
	err := s.redeem(ctx, *t, o)
	switch {
	case err == nil:
		return nil, nil
	case isFinal(err):
		s.c.Log.Error("the newer join token was refused for good; the cluster goes on with the credential that it "+
			"has", "err", err)
		return nil, err
	}
	s.c.Log.Warn("the newer join token could not be redeemed yet; the cluster goes on with the credential that it "+
		"has", "err", err)
	return t, err
}

// redeem buys a credential with a join token. A refusal that is final is remembered.
func (s *Session) redeem(ctx context.Context, t protocol.JoinToken, o *outage) error {
	id := s.c.Identity
	if why := id.Refused(t.User); why != "" {
		return refusal{why: why, final: true}
	}
	key, err := signer(t.Seed)
	if err != nil {
		return fmt.Errorf("the join token: %w", err)
	}
	keys, err := id.Prepare(ctx, t.User, newKeys)
	if err != nil {
		return fmt.Errorf("the keys of the new credential cannot be stored, so it is not asked for yet: %w", err)
	}
	nc, _, err := s.connect(ctx, account{name: "drover-agent joins " + t.Cluster, inbox: t.User, jwt: t.JWT,
		seed: t.Seed, trust: t.Trust}, o)
	if err != nil {
		return err
	}
	defer nc.Close()
	grant, err := exchange(ctx, nc, asking{protocol.JoinSubject(t.User), t.Cluster, id.UID(), 0}, keys, key,
		t.SigningKeys())
	var no refusal
	if errors.As(err, &no) && no.final {
		return errors.Join(err, id.Refuse(ctx, t.User, no.why))
	}
	if err != nil {
		return err
	}
	if err := id.Accept(ctx, grant, t.Trust, t.User); err != nil {
		return fmt.Errorf("the credential was granted but cannot be stored; it is asked for again: %w", err)
	}
	s.c.Log.Info("the cluster joined", "cluster", t.Cluster, "expires", grant.Expires)
	s.spend(ctx, t)
	return nil
}

// spend takes a token away that has bought its credential, so that nobody finds it where it was. Where that fails the
// next term tries again: a used token buys nothing.
func (s *Session) spend(ctx context.Context, t protocol.JoinToken) {
	if s.c.Spent == nil {
		return
	}
	if err := s.c.Spent(ctx, t.User); err != nil && ctx.Err() == nil {
		s.c.Log.Warn("the used join token cannot be taken away; delete it", "from", s.c.TokenFile, "err", err)
	}
}

// asking is where a credential is asked for, and for which cluster.
type asking struct {
	subject, cluster, uid string
	// epoch is the least that the hub's may be. Who made a token decided for its hub, whatever epoch that has.
	epoch uint64
}

// exchange asks for a credential for keys. signedBy is what entitles to it; hub are the keys that may answer.
func exchange(ctx context.Context, nc *nats.Conn, a asking, keys credential.Keys, signedBy ed25519.PrivateKey,
	hub []ed25519.PublicKey) (protocol.Grant, error) {
	own, err := signer(keys.Seed)
	if err != nil {
		return protocol.Grant{}, err
	}
	user, err := nkeys.Encode(nkeys.PrefixByteUser, own.Public().(ed25519.PublicKey))
	if err != nil {
		return protocol.Grant{}, err
	}
	open, err := protocol.OpenPublic(keys.OpenKey)
	if err != nil {
		return protocol.Grant{}, err
	}
	nonce := rand.Text()
	signed, err := protocol.SignMessage(protocol.KeyRequest{Version: protocol.Version, Cluster: a.cluster,
		User: string(user), OpenKey: open, ClusterUID: a.uid, Nonce: nonce}, signedBy)
	if err != nil {
		return protocol.Grant{}, err
	}
	answer, err := request(ctx, nc, a.subject, signed, grantTimeout)
	if err != nil {
		return protocol.Grant{}, fmt.Errorf("the hub does not answer to who asks for a credential: %w", err)
	}
	g, err := protocol.VerifyMessage[protocol.Grant](answer.Data, a.cluster, hub)
	switch {
	case err != nil:
		return protocol.Grant{}, fmt.Errorf("an answer that is not the hub's was refused: %w", err)
	case g.User != string(user):
		return protocol.Grant{}, errors.New("an answer was refused that was meant for other keys")
	case g.Nonce != "" && g.Nonce != nonce: // older hubs repeat none
		return protocol.Grant{}, errors.New("an answer was refused that was given to an earlier request")
	case g.Epoch < a.epoch:
		return protocol.Grant{},
			fmt.Errorf("an answer was refused: %w: its hub has epoch %d, and a bundle of epoch %d was accepted",
				protocol.ErrSuperseded, g.Epoch, a.epoch)
	case g.Error != "":
		return protocol.Grant{}, refusal{why: g.Error, final: g.Final}
	case g.JWT == "":
		return protocol.Grant{}, errors.New("the hub's answer has neither a credential nor a reason")
	}
	return g, nil
}

// newKeys makes the keys of a credential.
func newKeys() (credential.Keys, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return credential.Keys{}, err
	}
	seed, err := user.Seed()
	if err != nil {
		return credential.Keys{}, err
	}
	open, _, err := protocol.NewOpenKey()
	return credential.Keys{Seed: string(seed), OpenKey: open}, err
}

// signer is the signing key of a NATS user seed.
func signer(seed string) (ed25519.PrivateKey, error) {
	prefix, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil || prefix != nkeys.PrefixByteUser || len(raw) != ed25519.SeedSize {
		return nil, errors.New("its seed is not that of a NATS user")
	}
	return ed25519.NewKeyFromSeed(raw), nil
}
