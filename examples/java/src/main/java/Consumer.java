// SPDX-License-Identifier: Apache-2.0

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Keeps the newest record of each key of an output topic in a map: Consumer [TOPIC] [--follow].
 *
 * <p>Prints all of them once it has read the topic to its end; with --follow then each change. A line has the key, a tab, and the
 * record, or null for one that was deleted.
 */
public final class Consumer {
    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private Consumer() {}

    public static void main(String[] arguments) {
        List<String> names = new ArrayList<>(List.of(arguments));
        boolean follow = names.remove("--follow");
        String topic = names.isEmpty() ? "cx.conversations" : names.get(0);

        Map<String, Object> settings = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv().getOrDefault("CX_BOOTSTRAP", "127.0.0.1:9092"),
                // Records of aborted transactions are not read. Every consumer of cx-timelines needs this, and it is not Java's default.
                ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            // The map is in memory, so each start reads the topic from its beginning: the partitions are assigned here, there is no
            // group, and no offset is committed.
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(partition -> new TopicPartition(topic, partition.partition()))
                    .toList();
            if (partitions.isEmpty()) {
                System.err.printf("there is no topic %s: does the pipeline run?%n", topic);
                System.exit(1);
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            // With read_committed an end is that of the last finished transaction.
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);

            Map<String, String> table = new TreeMap<>();
            boolean complete = false;
            while (!complete || follow) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.value() == null) {
                        // A tombstone: the record of this key is deleted, for example because the conversation was erased.
                        table.remove(record.key());
                    } else {
                        // An upsert: the newest record of a key replaces the older ones.
                        table.put(record.key(), record.value());
                    }
                    if (complete) {
                        show(record.key(), record.value());
                    }
                }
                if (!complete && ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue())) {
                    complete = true;
                    table.forEach(Consumer::show);
                }
            }
        }
    }

    private static void show(String key, String record) {
        OUT.println(key + "\t" + record);
    }
}
