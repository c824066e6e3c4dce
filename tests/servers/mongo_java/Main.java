import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;

/** mongo-java-server for the tests, as a server of wire version 9. Usage: Main PORT [FILE.mv]. */
public final class Main {
    private static final MongoVersion VERSION = new MongoVersion() {
        public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
        public int getWireVersion() { return 9; }
    };

    /** The driver greets with hello where it has seen helloOk; this server knows isMaster only. */
    private static String known(String command) {
        return command.equals("hello") ? "isMaster" : command;
    }

    private static MongoBackend backend(String[] args) {
        if (args.length > 1) {
            return new H2Backend(args[1]) {
                @Override
                public Document handleCommand(Channel channel, String database, String command, Document query) {
                    return super.handleCommand(channel, database, known(command), query);
                }
            };
        }
        return new MemoryBackend() {
            @Override
            public Document handleCommand(Channel channel, String database, String command, Document query) {
                return super.handleCommand(channel, database, known(command), query);
            }
        };
    }

    public static void main(String[] args) throws Exception {
        MongoServer server = new MongoServer(backend(args).version(VERSION));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        while (System.in.read() >= 0) { }
        server.shutdownNow();
    }
}
