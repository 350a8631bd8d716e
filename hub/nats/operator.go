package nats

import (
	"errors"

	"github.com/nats-io/jwt/v2"
)

// claims are what a server must know to take the hub for its operator.
type claims struct {
	operators                   []*jwt.OperatorClaims
	operatorJWTs                []string
	account, hub, system        string // public keys
	accountJWT, systemJWT       string
	hubJWT                      string
	accountClaims, systemClaims *jwt.AccountClaims
}

// claims makes them from the keys. revoked are users that may not connect any more. While the operator's key is
// rotated, servers are told of both, and accounts are signed by the one that all servers know.
func (k *Keys) claims(revoked []string) (*claims, error) {
	c := &claims{}
	var errs [3]error
	c.account, errs[0] = k.account.PublicKey()
	c.system, errs[1] = k.system.PublicKey()
	c.hub, errs[2] = k.hub.PublicKey()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, pair := range k.operators {
		o, text, err := k.operatorJWT(pair, c.system)
		if err != nil {
			return nil, err
		}
		c.operators, c.operatorJWTs = append(c.operators, o), append(c.operatorJWTs, text)
	}
	hubClaims := hubAccount(c.hub)
	c.accountClaims, c.systemClaims = agentsAccount(c.account, c.hub), jwt.NewAccountClaims(c.system)
	c.systemClaims.Name = "SYS"
	for _, user := range revoked {
		c.accountClaims.Revoke(user)
	}
	for _, account := range []*jwt.AccountClaims{hubClaims, c.accountClaims, c.systemClaims} {
		account.SigningKeys.Add(k.signers.names...)
	}
	issuer, err := k.accountIssuer(k.operators[0])
	if err != nil {
		return nil, err
	}
	c.accountJWT, errs[0] = c.accountClaims.Encode(issuer)
	c.systemJWT, errs[1] = c.systemClaims.Encode(issuer)
	c.hubJWT, errs[2] = hubClaims.Encode(issuer)
	return c, errors.Join(errs[:]...)
}
