package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"
)

// BulkHandler serves one bulk transfer: it writes to w for as long as it likes. Returning nil says that all has been written; an error
// reaches the reader in place of the end, as a *RemoteError. A write fails when the reader has given up, has taken nothing for a long
// while (chunkTimeout) or is gone. The context is as for Handler.
type BulkHandler func(ctx context.Context, peer string, request []byte, w io.Writer) error

// HandleBulk registers the handler of a bulk method. It panics as Handle does. RPC methods are apart: the same name may be in use there.
func (t *Transport) HandleBulk(method string, h BulkHandler) { t.bulk.add(method, h) }

// OpenBulk asks a peer for a bulk transfer and returns it as a stream. It returns once the request is sent: what the peer thinks of
// it comes with the first Read. The context governs the whole transfer. Read returns io.EOF only when the handler has said that all is
// written; a transfer that breaks off is ErrInterrupted. All errors are as for Call. Close must be called; before the end it stops the
// transfer.
func (t *Transport) OpenBulk(ctx context.Context, nodeID, method string, request []byte) (io.ReadCloser, error) {
	x, err := t.send(ctx, nodeID, ProtocolBulk, method, request)
	if err != nil {
		return nil, fmt.Errorf("bulk %s from %s: %w", method, nodeID, err)
	}
	return &bulkReader{t: t, x: x, method: method}, nil
}

// bulkReader reads a bulk transfer. Like other readers it is not for concurrent use, except that Close may be called at any time.
type bulkReader struct {
	t      *Transport
	x      *exchange
	method string
	left   int   // bytes left in the current chunk
	err    error // once set, what every further Read returns
}

func (b *bulkReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.left == 0 {
		if b.err = b.next(); b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.x.stream.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.t.counters.bulkReceived.Add(uint64(n))
	if err != nil {
		b.err = b.wrap(b.x.failed(err)) // even io.EOF: it is in the middle of a chunk, or before the trailer
	}
	return n, b.err
}

// next begins the next chunk, or returns what the trailer says: io.EOF if all is well.
func (b *bulkReader) next() error {
	size, err := readChunkHeader(b.x.stream)
	if err != nil {
		return b.wrap(b.x.failed(err))
	}
	if size > 0 {
		b.left = size
		return nil
	}
	trailer, err := readReply(b.x.stream)
	if err == nil && len(trailer.body) > 0 && trailer.status == statusOK {
		err = fmt.Errorf("%w: a trailer with a body", errMalformed)
	}
	if err == nil {
		if end := readEnd(b.x.stream); errors.Is(end, errMalformed) {
			err = end
		}
	}
	if err != nil {
		return b.wrap(b.x.failed(err))
	}
	if _, err := trailer.result(b.x.peer); err != nil {
		return b.wrap(err)
	}
	return io.EOF
}

func (b *bulkReader) wrap(err error) error {
	return fmt.Errorf("bulk %s from %s: %w", b.method, b.x.peer, err)
}

// Close stops the transfer if it is still going on. It never fails.
func (b *bulkReader) Close() error {
	b.x.release()
	reset(b.x.stream, resetAbandoned)
	return nil
}

// serveBulk serves one bulk transfer.
func (s *session) serveBulk(stream *quic.Stream) {
	r, done, ok := s.receive(stream)
	if !ok {
		return
	}
	defer done()
	handler, ok := s.t.bulk.get(r.method)
	if !ok {
		reset(stream, resetNoMethod)
		return
	}
	s.t.counters.served.Add(1)
	ctx, cancel := r.context(stream)
	defer cancel()
	w := bufio.NewWriterSize(&chunkWriter{s.t, stream}, writeChunk)
	_, err := s.guard(r.method, func() ([]byte, error) { return nil, handler(ctx, s.peer, r.body, w) })
	if flushErr := w.Flush(); flushErr != nil {
		// Part of it is lost: without its trailer the reader knows.
		reset(stream, resetAbandoned)
		return
	}
	var outcome reply
	if err != nil {
		outcome = errorReply(err)
	}
	answer(stream, appendReply(appendChunkHeader(nil, 0), outcome))
}

// chunkWriter writes each piece that it is given as chunks of at most writeChunk bytes.
type chunkWriter struct {
	t      *Transport
	stream *quic.Stream
}

func (w *chunkWriter) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+writeChunk)]
		_ = w.stream.SetWriteDeadline(time.Now().Add(chunkTimeout)) // always nil
		if _, err := w.stream.Write(appendChunkHeader(nil, len(piece))); err != nil {
			return written, err
		}
		n, err := w.stream.Write(piece)
		written += n
		w.t.counters.bulkSent.Add(uint64(n))
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
