import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.elasticsearch.action.admin.cluster.health.ClusterHealthRequest;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.util.concurrent.ThreadContext;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** One Elasticsearch node in this process.  Arguments: the file that gets the HTTP port when it is ready, then setting=value. */
public final class Elasticsearch {
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
        LogConfigurator.configureESLogging();
        Map<String, String> settings = Arrays.stream(arguments).skip(1).map(argument -> argument.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1], (first, second) -> second));
        settings.put("path.home", System.getProperty("es.path.home"));
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            Settings.EMPTY, settings, Path.of(System.getProperty("es.path.conf")), () -> "tamis-test");
        LogConfigurator.setNodeName("tamis-test");
        LogConfigurator.configure(environment, true);
        Node node = new Node(environment, PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir()),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir()), Map.of(), false));
        return node.start();
    }

    private static void announce(Node node, Path file) throws Exception {
        ThreadContext context = node.client().threadPool().getThreadContext();
        try (ThreadContext.StoredContext ignored = context.stashContext()) {
            context.markAsSystemContext();
            node.client().admin().cluster().health(new ClusterHealthRequest(TimeValue.timeValueSeconds(60))
                .waitForYellowStatus().timeout(TimeValue.timeValueSeconds(60))).actionGet();
        }
        int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
        Path part = Path.of(file + ".part");
        Files.writeString(part, Integer.toString(port));
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
