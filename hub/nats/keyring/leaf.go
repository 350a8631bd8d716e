package keyring

import (
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// LeafOfAgents gives the credentials file with which the servers of a leaf node join the account AGENTS, good for life.
func (k *Keys) LeafOfAgents(name string, life time.Duration) ([]byte, error) {
	return k.leafUser(k.account, name, life, agentsLeaf())
}

// LeafOfSystem gives the credentials file with which the servers of a leaf node join the system account, good for life.
func (k *Keys) LeafOfSystem(name string, life time.Duration) ([]byte, error) {
	account, err := k.AgentsAccount()
	if err != nil {
		return nil, err
	}
	return k.leafUser(k.system, name, life, systemLeaf(account))
}

// leafUser gives the credentials file of a leaf node, which may do what allowed says.
func (k *Keys) leafUser(account nkeys.KeyPair, name string, life time.Duration, allowed jwt.Permissions) ([]byte, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	user, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	c := jwt.NewUserClaims(user)
	c.Name, c.Permissions, c.Expires = "leaf "+name, allowed, time.Now().Add(life).Unix()
	c.AllowedConnectionTypes = jwt.StringList{jwt.ConnectionTypeLeafnode}
	token, err := k.sign(c, account)
	if err != nil {
		return nil, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	return jwt.FormatUserConfig(token, seed)
}

// agentsLeaf is what all agents behind a leaf node may do together. What it may hear is not narrowed down to these
// agents, because servers also ask these rights whether the hub may hear something from there, and because inboxes have
// no common wildcard. It is sealed, or asks for what is sealed; the answers to the hub are denied.
func agentsLeaf() (p jwt.Permissions) {
	publish, _ := protocol.AgentSubjects("*")
	p.Pub.Allow.Add(publish...)
	p.Pub.Allow.Add(protocol.JoinSubject("*"))
	p.Sub.Deny.Add("_INBOX.>")
	return p
}

// systemLeaf lets a leaf node tell who is connected to it, and hear what the hub asks and who is revoked.
func systemLeaf(account string) (p jwt.Permissions) {
	p.Pub.Allow.Add("$SYS.ACCOUNT."+account+".CONNECT", "$SYS.ACCOUNT."+account+".DISCONNECT",
		"$SYS.SERVER.*.STATSZ", "_INBOX.>")
	p.Sub.Allow.Add("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.*.CONNZ", "$SYS.REQ.SERVER.*.KICK")
	return p
}
