package nats

import (
	"errors"

	"github.com/nats-io/jwt/v2"
)

// claims are what a server must know to take the hub for its operator.
type claims struct {
	operators                   []*jwt.OperatorClaims
	operatorJWTs                []string
	account, system             string // public keys
	accountJWT, systemJWT       string
	accountClaims, systemClaims *jwt.AccountClaims
}

// claims makes them from the keys. revoked are user keys that may not connect any more. While the operator's key is
// rotated, servers are told of both, and accounts are signed by the one that all servers know.
func (k *Keys) claims(revoked []string) (*claims, error) {
	c := &claims{}
	var errs [2]error
	c.account, errs[0] = k.account.PublicKey()
	c.system, errs[1] = k.system.PublicKey()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, pair := range k.operators {
		key, err := pair.PublicKey()
		if err != nil {
			return nil, err
		}
		o := jwt.NewOperatorClaims(key)
		o.Name, o.SystemAccount = "drover", c.system
		text, err := o.Encode(pair)
		if err != nil {
			return nil, err
		}
		c.operators, c.operatorJWTs = append(c.operators, o), append(c.operatorJWTs, text)
	}
	c.accountClaims, c.systemClaims = jwt.NewAccountClaims(c.account), jwt.NewAccountClaims(c.system)
	c.accountClaims.Name, c.systemClaims.Name = "AGENTS", "SYS"
	l := &c.accountClaims.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	for _, user := range revoked {
		c.accountClaims.Revoke(user)
	}
	c.accountJWT, errs[0] = c.accountClaims.Encode(k.operators[0])
	c.systemJWT, errs[1] = c.systemClaims.Encode(k.operators[0])
	return c, errors.Join(errs[:]...)
}
