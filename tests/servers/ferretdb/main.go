// A MongoDB-compatible server for the tests: FerretDB v1 on SQLite (embedded) or on PostgreSQL.
//
// Usage: ferretdb -listen 127.0.0.1:0 -data DIR | -postgresql URL
//
// It prints one line with its URI and serves until it is told to stop or its stdin is closed. `go install` of FerretDB's
// own command builds one that panics at start, because its version file is not in the module.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "TCP address to serve on")
	data := flag.String("data", "", "existing directory for the SQLite files")
	postgresql := flag.String("postgresql", "", "URL of a PostgreSQL server, instead of -data")
	flag.Parse()

	if (*data == "") == (*postgresql == "") {
		log.Fatal("one of -data and -postgresql is required")
	}

	// A test's server is killed, its machine is not. With a sync for each commit the disk is what is waited for, and
	// SQLite's lock, which is not fair, goes to whoever writes most: a forked child beside four threads starved.
	sqlite := url.URL{Scheme: "file", Opaque: *data + "/", RawQuery: "_pragma=synchronous(off)"}

	config := &ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *listen},
		Handler:   "sqlite",
		SQLiteURL: sqlite.String(),
	}
	if *postgresql != "" {
		config.Handler, config.PostgreSQLURL = "postgresql", *postgresql
	}

	server, err := ferretdb.New(config)
	if err != nil {
		log.Fatal(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	// Whoever started it holds the other end of stdin; when that process is killed, this one ends.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()

	fmt.Println(server.MongoDBURI())
	if err := <-done; err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
