package hub

// ledger has the last record of every cluster. The publisher alone writes it; the other parts of the hub read.
type ledger struct {
	records map[string]Record
}

// of gives the record of a cluster; the zero Record if there is none.
func (l *ledger) of(cluster string) Record { return l.records[cluster] }

// has says whether there is a record of a cluster.
func (l *ledger) has(cluster string) bool {
	_, has := l.records[cluster]
	return has
}

// all are the records by cluster. They are not to be changed.
func (l *ledger) all() map[string]Record { return l.records }

func (l *ledger) put(cluster string, r Record) { l.records[cluster] = r }

func (l *ledger) drop(cluster string) { delete(l.records, cluster) }
