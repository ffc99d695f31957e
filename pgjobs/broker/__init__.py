"""RabbitMQ as the engine uses it: connections, publishing with confirms, frames."""
