// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends the events of a short web chat to cx.events: Producer CONVERSATION [START_MS]. */
public final class Producer {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String conversation;
    private final long start;

    private Producer(String conversation, long start) {
        this.conversation = conversation;
        this.start = start;
    }

    public static void main(String[] arguments)
            throws InterruptedException, ExecutionException, JsonProcessingException {
        String conversation = arguments[0];
        long start = arguments.length > 1 ? Long.parseLong(arguments[1]) : System.currentTimeMillis() - 60_000;
        List<Map<String, Object>> events = new Producer(conversation, start).events();

        // The default partitioner is murmur2 of the key, which the pipeline expects: do not set another one.
        Map<String, Object> settings = Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv().getOrDefault("CX_BOOTSTRAP", "127.0.0.1:9092"),
                // Retries write a record once, and keep the order in its partition. It includes acks=all.
                ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (Map<String, Object> event : events) {
                // All events of a conversation have its id as their key, and so lie in one partition, in order.
                sent.add(producer.send(
                        new ProducerRecord<>("cx.events", conversation, JSON.writeValueAsBytes(event))));
            }
            // Only an acknowledged record is sent. `get` waits for the acknowledgement, and throws if there will be none.
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
        System.out.printf("sent %d events of %s%n", events.size(), conversation);
    }

    private List<Map<String, Object>> events() {
        Map<String, Object> session = Map.of(
                "id", conversation + "-session",
                "channel", Map.of("channelType", Map.of("name", "WEB")),
                "customer", Map.of("_id", conversation + "-customer", "firstName", "Cy"));
        Map<String, Object> ann = Map.of("role", "PRIMARY", "participant", Map.of("id", "ann", "displayName", "Ann"));
        Map<String, Object> first = event(1, 0, "CHANNEL_SESSION_STARTED", Map.of());
        first.put("channelSession", session);
        return List.of(
                first,
                event(2, 5, "CUSTOMER_MESSAGE", message(1, "CUSTOMER", "Cy", "Where is my parcel?")),
                event(3, 9, "AGENT_SUBSCRIBED", Map.of("agentParticipant", ann)),
                event(4, 20, "AGENT_MESSAGE", message(2, "AGENT", "Ann", "It comes tomorow.")),
                event(5, 24, "MODIFY_ACTIVITY", correction(2, "Ann", "It comes tomorrow.")),
                event(6, 40, "CONVERSATION_CLOSED", Map.of()));
    }

    private Map<String, Object> event(int number, long seconds, String name, Map<String, Object> data) {
        Map<String, Object> event = new LinkedHashMap<>();
        // An id belongs to one event, for ever. So an event may be sent again: the same id with the same content is a duplicate, and
        // changes nothing.
        event.put("id", conversation + "-" + number);
        event.put("name", name);
        event.put("timestamp", start + seconds * 1000);
        event.put("conversationId", conversation);
        event.put("data", data);
        return event;
    }

    private Map<String, Object> message(int number, String type, String person, String text) {
        return Map.of(
                "id", conversation + "-message-" + number,
                "header", Map.of("sender", sender(type, person)),
                "body", Map.of("type", "PLAIN", "markdownText", text));
    }

    private Map<String, Object> correction(int number, String person, String text) {
        return Map.of(
                "header", Map.of(
                        "sender", sender("AGENT", person),
                        "originalMessageId", conversation + "-message-" + number),
                "body", Map.of("action", "EDIT", "body", Map.of("type", "PLAIN", "markdownText", text)));
    }

    private static Map<String, Object> sender(String type, String person) {
        return Map.of("type", type, "id", person.toLowerCase(java.util.Locale.ROOT), "senderName", person);
    }
}
