package nats

import (
	"errors"
	"fmt"

	"github.com/nats-io/jwt/v2"
)

// authority is what a server must know to take the hub for its operator.
type authority struct {
	operator                    *jwt.OperatorClaims
	operatorJWT                 string
	account, system             string // public keys
	accountJWT, systemJWT       string
	accountClaims, systemClaims *jwt.AccountClaims
}

// authority makes the claims from the keys. revoked are user keys that may not connect any more.
func (k *Keys) authority(revoked []string) (*authority, error) {
	a := &authority{}
	var errs [3]error
	var operator string
	operator, errs[0] = k.operator.PublicKey()
	a.account, errs[1] = k.account.PublicKey()
	a.system, errs[2] = k.system.PublicKey()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	a.operator = jwt.NewOperatorClaims(operator)
	a.operator.Name, a.operator.SystemAccount = "drover", a.system
	a.accountClaims, a.systemClaims = jwt.NewAccountClaims(a.account), jwt.NewAccountClaims(a.system)
	a.accountClaims.Name, a.systemClaims.Name = "AGENTS", "SYS"
	l := &a.accountClaims.Limits.JetStreamLimits
	l.MemoryStorage, l.DiskStorage, l.Streams, l.Consumer = jwt.NoLimit, jwt.NoLimit, jwt.NoLimit, jwt.NoLimit
	for _, user := range revoked {
		a.accountClaims.Revoke(user)
	}
	a.operatorJWT, errs[0] = a.operator.Encode(k.operator)
	a.accountJWT, errs[1] = a.accountClaims.Encode(k.operator)
	a.systemJWT, errs[2] = a.systemClaims.Encode(k.operator)
	return a, errors.Join(errs[:]...)
}

// ServerConfig is what the configuration of an external nats-server must contain to serve this hub: its
// operator, its accounts, and JetStream.
func (k *Keys) ServerConfig() (string, error) {
	a, err := k.authority(nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`# For every nats-server that serves this hub. Give it a store_dir that lasts.
operator: %s
system_account: %s
resolver: MEMORY
resolver_preload: {
  %s: %s
  %s: %s
}
jetstream: { store_dir: ./jetstream }
ping_interval: "20s"
ping_max: 2
`, a.operatorJWT, a.system, a.account, a.accountJWT, a.system, a.systemJWT), nil
}
