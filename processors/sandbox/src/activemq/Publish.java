// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import @JMS@.Connection;
import @JMS@.ConnectionFactory;
import @JMS@.Destination;
import @JMS@.JMSException;
import @JMS@.MessageProducer;
import @JMS@.Session;
import @JMS@.TextMessage;

/**
 * Publishes text messages by JMS, as the services of ExpertFlow CX do: each line of standard input is the destination's kind, its
 * name, the JMS type and the text, between tabs. It prints a line when the broker has taken the message, and tries until then.
 */
public class Publish {
    private final ConnectionFactory factory;
    private Connection connection;
    private Session session;
    private final Map<String, MessageProducer> producers = new HashMap<>();

    Publish(ConnectionFactory factory) {
        this.factory = factory;
    }

    public static void main(String[] arguments) throws Exception {
        String url = arguments[0];
        String user = arguments[1];
        String password = arguments[2];
        Publish publish = new Publish(new @FACTORY@(user, password, url));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            publish.untilTaken(line.split("\t", 4));
            out.println("taken");
        }
        System.exit(0);
    }

    private void untilTaken(String[] message) throws InterruptedException {
        while (true) {
            try {
                send(message);
                return;
            } catch (Exception error) {
                // Of any kind: Netty, below Qpid JMS, also throws what is not declared.
                System.err.println(error);
                forget();
                Thread.sleep(100);
            }
        }
    }

    private void send(String[] message) throws JMSException {
        if (session == null) {
            connection = factory.createConnection();
            connection.start();
            session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        }
        String key = message[0] + message[1];
        MessageProducer producer = producers.get(key);
        if (producer == null) {
            Destination destination =
                message[0].equals("topic") ? session.createTopic(message[1]) : session.createQueue(message[1]);
            producer = session.createProducer(destination);
            producers.put(key, producer);
        }
        TextMessage text = session.createTextMessage(message[3]);
        if (!message[2].isEmpty()) {
            text.setJMSType(message[2]);
        }
        producer.send(text);
    }

    private void forget() {
        producers.clear();
        session = null;
        Connection broken = connection;
        connection = null;
        if (broken == null) {
            return;
        }
        // A broken connection may take its time to close.
        Thread closer = new Thread(() -> {
            try {
                broken.close();
            } catch (Exception error) {
                System.err.println(error);
            }
        });
        closer.setDaemon(true);
        closer.start();
    }
}
