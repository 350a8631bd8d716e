package limits

import "time"

// MaxSaid is the most that one message of an agent may have, in bytes.
const MaxSaid = 1 << 20

// JournalAge is how long events are kept.
const JournalAge = 7 * 24 * time.Hour

// MaxRequest is the most that a request for a credential may have, in bytes.
const MaxRequest = 64 << 10
