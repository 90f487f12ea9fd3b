import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.common.unit.TimeValue;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node in this process.  Arguments: the file that gets the HTTP port when it is ready, then setting=value. */
public final class OpenSearch extends Node {
    private OpenSearch(Environment environment) {
        super(environment, List.of(Netty4Plugin.class), false);
    }

    public static void main(String[] arguments) {
        try {
            Node node = start(arguments);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    node.close();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }));
            announce(node, Path.of(arguments[0]));
            // A node's own threads don't keep the process.
            Thread.currentThread().join();
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static Node start(String[] arguments) throws Exception {
        LogConfigurator.registerErrorListener();
        Map<String, String> settings = Arrays.stream(arguments).skip(1).map(argument -> argument.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1], (first, second) -> second));
        settings.put("path.home", System.getProperty("opensearch.path.home"));
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            Settings.EMPTY, settings, Path.of(System.getProperty("opensearch.path.conf")), () -> "tamis-test");
        LogConfigurator.setNodeName("tamis-test");
        LogConfigurator.configure(environment);
        return new OpenSearch(environment).start();
    }

    private static void announce(Node node, Path file) throws Exception {
        node.client().admin().cluster().prepareHealth().setWaitForYellowStatus().setTimeout(TimeValue.timeValueSeconds(60)).get();
        int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
        Path part = Path.of(file + ".part");
        Files.writeString(part, Integer.toString(port));
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
