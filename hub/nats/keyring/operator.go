package keyring

import (
	"errors"

	"github.com/nats-io/jwt/v2"
)

// Claims are what a server must know to take the hub for its operator.
type Claims struct {
	Operators                   []*jwt.OperatorClaims
	OperatorJWTs                []string
	Account, Hub, System        string // public keys
	AccountJWT, SystemJWT       string
	HubJWT                      string
	AccountClaims, systemClaims *jwt.AccountClaims
}

// Claims makes them from the keys. revoked are users that may not connect any more. While the operator's key is
// rotated, servers are told of both, and accounts are signed by the one that all servers know.
func (k *Keys) Claims(revoked []string) (*Claims, error) {
	c := &Claims{}
	var errs [3]error
	c.Account, errs[0] = k.account.PublicKey()
	c.System, errs[1] = k.system.PublicKey()
	c.Hub, errs[2] = k.hub.PublicKey()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, pair := range k.operators {
		o, text, err := k.operatorJWT(pair, c.System)
		if err != nil {
			return nil, err
		}
		c.Operators, c.OperatorJWTs = append(c.Operators, o), append(c.OperatorJWTs, text)
	}
	hubClaims := hubAccount(c.Hub)
	c.AccountClaims, c.systemClaims = agentsAccount(c.Account, c.Hub), jwt.NewAccountClaims(c.System)
	c.systemClaims.Name = "SYS"
	for _, user := range revoked {
		c.AccountClaims.Revoke(user)
	}
	for _, account := range []*jwt.AccountClaims{hubClaims, c.AccountClaims, c.systemClaims} {
		account.SigningKeys.Add(k.signers.names...)
	}
	issuer, err := k.accountIssuer(k.operators[0])
	if err != nil {
		return nil, err
	}
	c.AccountJWT, errs[0] = c.AccountClaims.Encode(issuer)
	c.SystemJWT, errs[1] = c.systemClaims.Encode(issuer)
	c.HubJWT, errs[2] = hubClaims.Encode(issuer)
	return c, errors.Join(errs[:]...)
}
